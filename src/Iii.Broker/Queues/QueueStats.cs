namespace Iii.Broker;

/// <summary>Counts of one queue.</summary>
/// <param name="Queue">Its name.</param>
/// <param name="Unbound">Messages that wait for the first group to be bound.</param>
/// <param name="Groups">Its groups, sorted by <see cref="BrokerNames.Utf8Order"/>.</param>
public sealed record QueueStats(string Queue, long Unbound, IReadOnlyList<GroupStats> Groups);
