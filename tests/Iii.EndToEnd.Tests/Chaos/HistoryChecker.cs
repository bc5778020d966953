namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Decides whether a history keeps the promises of the queues: at least once, twice only after a kill, order within a key.</summary>
internal static class HistoryChecker
{
    /// <summary>
    /// How long after its end a handling may have gone unnoticed by the broker: its acknowledgement is on its way, or waits to be written
    /// together with others.
    /// </summary>
    public static readonly TimeSpan AcknowledgementTime = TimeSpan.FromSeconds(5);

    public static HistoryVerdict Check(JobHistory history)
    {
        var kills = history.Kills.ToArray();
        var unexplained = new List<JobName>();
        var doubled = 0;
        foreach (var handlings in history.Handlings.GroupBy(static handling => handling.Job))
        {
            var sorted = handlings.OrderBy(static handling => handling.Start).ToArray();
            var pause = history.OrderedTopics.Contains(handlings.Key.Topic) ? TimeSpan.Zero : history.CopyPause;
            doubled += sorted.Length - 1;
            if (!history.Repeated.Contains(handlings.Key) && sorted.Zip(sorted.Skip(1)).Any(pair => !IsHidden(pair.First, pair.Second.Start, kills, pause)))
            {
                unexplained.Add(handlings.Key);
            }
        }

        var handled = history.Handlings.Select(static handling => handling.Job).ToHashSet();
        return new HistoryVerdict(
            [.. history.Accepted.Where(job => !handled.Contains(job)).OrderBy(static job => job.Number)],
            unexplained,
            [.. FindMisordered(history, kills)],
            doubled - unexplained.Count);
    }

    private static IEnumerable<Handling> FindMisordered(JobHistory history, Kill[] kills) => history.Handlings
        .Where(handling => history.OrderedTopics.Contains(handling.Job.Topic))
        .GroupBy(static handling => (handling.Job.Topic, handling.Job.Key))
        .SelectMany(line => FindMisordered(line.OrderBy(static handling => handling.Start), history.Dead, kills));

    private static IEnumerable<Handling> FindMisordered(IEnumerable<Handling> line, IReadOnlySet<JobName> dead, Kill[] kills)
    {
        var next = 0;
        Handling? last = null;
        foreach (var handling in line)
        {
            while (dead.Contains(handling.Job with { Number = next }))
            {
                next++;
            }

            var skips = handling.Job.Number > next;
            var overlaps = last is { } before && !(before.End <= handling.Start) && !IsHidden(before, handling.Start, kills);
            if (skips || overlaps)
            {
                yield return handling;
            }

            next = Math.Max(next, handling.Job.Number + 1);
            last = handling;
        }
    }

    /// <summary>
    /// Whether something was killed between the beginning of a handling, or a pause before it, and a later moment, and soon enough to hide it.
    /// </summary>
    private static bool IsHidden(Handling handling, TimeSpan until, Kill[] kills, TimeSpan pause = default) => Array.Exists(
        kills, kill => kill.To + pause > handling.Start && kill.From < until && !(handling.End + AcknowledgementTime < kill.From));
}
