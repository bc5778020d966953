namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>One job: the number within its key, and the topic, one of which promises order within a key.</summary>
internal readonly record struct JobName(string Topic, int Key, int Number)
{
    public override string ToString() => $"{Topic}/{Key}/{Number}";
}

/// <summary>One time that a worker handled a job.</summary>
/// <param name="Job">The job.</param>
/// <param name="Start">When it began, on the machine's monotonic clock.</param>
/// <param name="End">When it ended; null when it never did.</param>
internal readonly record struct Handling(JobName Job, TimeSpan Start, TimeSpan? End);
