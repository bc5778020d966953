using Iii.Broker;
using Iii.Protocol;

namespace Iii.Engine.Modules.Queue;

/// <summary>Decides what becomes of a job after an attempt. Pure: the same arguments give the same verdict.</summary>
/// <remarks>
/// <para>
/// What counts towards <see cref="RetryOptions.MaxAttempts"/> is that the function ran and failed. A refusal does not count: the job waits,
/// with pauses of its own that stay short, and its history does not mention it; that is how many deliveries of it were without a record.
/// After <see cref="MaxWaits"/> of them, which take about a day, a refusal counts as a failure. Of more failures than
/// <see cref="BrokerLimits.MaxRememberedFailures"/> the first are forgotten, and whatever was before those that are not counts as failed.
/// </para>
/// <para>
/// A job whose worker was lost while it handled it does not count either, but <see cref="MaxCrashes"/> of these make it a dead letter with
/// the code <see cref="WorkerCrash"/>; a job that took the whole instance away <see cref="MaxLosses"/> times is one as well.
/// </para>
/// </remarks>
internal static class RetryPolicy
{
    /// <summary>Code of a dead letter that took its worker down again and again.</summary>
    public const string WorkerCrash = "worker_crash";

    /// <summary>The lost workers after which a job becomes a dead letter.</summary>
    public const int MaxCrashes = 3;

    /// <summary>The lost instances after which a job becomes a dead letter.</summary>
    public const int MaxLosses = 10;

    /// <summary>The refusals that do not count.</summary>
    public const int MaxWaits = 3_000;

    /// <summary>The most that jitter adds to a pause, as a fraction of it.</summary>
    public const double MaxJitter = 0.1;

    /// <summary>The longest pause between two attempts, jitter included.</summary>
    public static readonly TimeSpan MaxBackoff = TimeSpan.FromMinutes(15);

    /// <summary>The longest pause of a job that nobody took.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);

    /// <summary>Decides.</summary>
    /// <param name="outcome">How the attempt ended.</param>
    /// <param name="attempt">Its number, from 1: the deliveries so far, this one included.</param>
    /// <param name="history">The failures before this attempt, oldest first.</param>
    /// <param name="options">What the subscriber asked for.</param>
    /// <param name="random">From 0 to 1: how much of <see cref="MaxJitter"/> the pause gets.</param>
    public static QueueVerdict Decide(
        JobOutcome outcome, int attempt, IReadOnlyList<AttemptRecord> history, RetryOptions options, double random)
    {
        switch (outcome.End)
        {
            case JobEnd.Done:
                return QueueVerdict.Ack;
            case JobEnd.Unusable:
                return QueueVerdict.DeadLetter(outcome.Failure!);
            case JobEnd.Refused when CountWaits(attempt, history) is var waits and < MaxWaits:
                return QueueVerdict.RetryAfter(Pause(FirstWait, BackoffType.Exponential, waits + 1, MaxWait, random));
            case JobEnd.Failed when outcome.Failure!.Code == ErrorCodes.InvocationStopped:
                var crashes = Count(history, ErrorCodes.InvocationStopped) + 1;
                return crashes < MaxCrashes
                    ? QueueVerdict.RetryAfter(Pause(options.Backoff, options.BackoffType, crashes, MaxBackoff, random), outcome.Failure)
                    : QueueVerdict.DeadLetter(outcome.Failure with
                    {
                        Code = WorkerCrash,
                        Message = $"The job took its worker down {crashes} times: {outcome.Failure.Message}",
                    });
            default:
                var failures = CountFailures(history) + 1;
                return failures < options.MaxAttempts
                    ? QueueVerdict.RetryAfter(Pause(options.Backoff, options.BackoffType, failures, MaxBackoff, random), outcome.Failure)
                    : QueueVerdict.DeadLetter(outcome.Failure!);
        }
    }

    /// <summary>Why a delivery is not to be tried at all, for it has taken too many instances down; null when it may be.</summary>
    public static AttemptFailure? FindPoison(IReadOnlyList<AttemptRecord> history)
    {
        var losses = Count(history, AttemptFailure.ConsumerLost);
        return losses < MaxLosses
            ? null
            : new AttemptFailure(WorkerCrash, $"The job was lost {losses} times together with the instance that handled it.");
    }

    /// <summary>The number of the try: deliveries that nobody took do not count, but for those that are forgotten.</summary>
    public static int CountTries(IReadOnlyList<AttemptRecord> history) => CountForgotten(history) + history.Count + 1;

    /// <summary>How often a job that is tried no more was tried again.</summary>
    public static int CountRetries(IReadOnlyList<AttemptRecord> history) => Math.Max(CountTries(history) - 2, 0);

    /// <summary>A pause: never longer than <paramref name="longest"/>, whatever the number.</summary>
    private static TimeSpan Pause(TimeSpan first, BackoffType type, int number, TimeSpan longest, double random)
    {
        var growth = type switch
        {
            BackoffType.Fixed => 1,
            BackoffType.Linear => number,
            _ => Math.Pow(2, number - 1),
        };

        // In floating point, where what is too large is infinite and not negative.
        var ticks = first.Ticks * growth * (1 + (random * MaxJitter));
        return ticks < longest.Ticks ? TimeSpan.FromTicks((long)ticks) : longest;
    }

    private static int CountWaits(int attempt, IReadOnlyList<AttemptRecord> history) =>
        attempt - 1 - history.Count - CountForgotten(history);

    private static int CountFailures(IReadOnlyList<AttemptRecord> history) => CountForgotten(history) + history.Count
        - Count(history, ErrorCodes.InvocationStopped) - Count(history, AttemptFailure.ConsumerLost);

    /// <summary>The deliveries before those that are remembered.</summary>
    private static int CountForgotten(IReadOnlyList<AttemptRecord> history) =>
        history.Count < BrokerLimits.MaxRememberedFailures ? 0 : history[0].Attempt - 1;

    private static int Count(IReadOnlyList<AttemptRecord> history, string code)
    {
        var count = 0;
        for (var i = 0; i < history.Count; i++)
        {
            count += history[i].Failure.Code == code ? 1 : 0;
        }

        return count;
    }
}
