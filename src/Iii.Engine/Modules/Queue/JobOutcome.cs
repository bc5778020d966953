using Iii.Broker;

namespace Iii.Engine.Modules.Queue;

/// <summary>How an attempt at a job ended.</summary>
internal enum JobEnd
{
    /// <summary>The function returned, whatever it returned, or the trigger's condition said no.</summary>
    Done,

    /// <summary>The function failed, or may have run and was lost.</summary>
    Failed,

    /// <summary>Nobody took the job, so the function certainly did not run.</summary>
    Refused,

    /// <summary>It can never succeed: the message is not what a job has to be.</summary>
    Unusable,
}

/// <summary>What <see cref="RetryPolicy"/> has to know of an attempt.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Failure">Why; null for <see cref="JobEnd.Done"/> alone.</param>
internal readonly record struct JobOutcome(JobEnd End, AttemptFailure? Failure)
{
    public static JobOutcome Done => new(JobEnd.Done, null);
}
