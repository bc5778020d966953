namespace Iii.Broker;

/// <summary>Optional ability of a queue broker: tell what there is. Feature <see cref="BrokerFeatures.Inspection"/>.</summary>
public interface IQueueInspection
{
    /// <summary>The names of all queues, sorted by <see cref="BrokerNames.Utf8Order"/>.</summary>
    ValueTask<Page<string>> ListQueuesAsync(PageRequest page, CancellationToken cancellationToken = default);

    /// <summary>Counts of one queue; null when there is no such queue. A snapshot that may already be old.</summary>
    ValueTask<QueueStats?> GetStatsAsync(string queue, CancellationToken cancellationToken = default);
}
