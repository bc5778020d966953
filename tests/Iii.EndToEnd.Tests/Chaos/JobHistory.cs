namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>What happened in a run, as seen from outside.</summary>
/// <param name="Accepted">Jobs whose enqueueing succeeded.</param>
/// <param name="Repeated">Jobs that were enqueued again, since the fate of the first time was not known.</param>
/// <param name="Handlings">Every handling, in any order.</param>
/// <param name="Kills">What was killed, on the same clock.</param>
/// <param name="OrderedTopics">Topics that promise order within a key.</param>
internal sealed record JobHistory(
    IReadOnlySet<JobName> Accepted,
    IReadOnlySet<JobName> Repeated,
    IReadOnlyList<Handling> Handlings,
    IReadOnlyList<Kill> Kills,
    IReadOnlySet<string> OrderedTopics)
{
    /// <summary>Jobs that were dead letters for a while, and so left the order of their key.</summary>
    public IReadOnlySet<JobName> Dead { get; init; } = new HashSet<JobName>();

    /// <summary>
    /// How long after a kill both of two copies of a job may still wait, where there is no order: its retry, or its next step of a delay, was
    /// stored when the kill kept the original from being acknowledged. In order a retry keeps its place, so that there is no copy.
    /// </summary>
    public TimeSpan CopyPause { get; init; } = TimeSpan.FromSeconds(5);
}
