using Iii.Broker;

namespace Iii.Engine.Modules.Queue;

/// <summary>A queue and group of the broker that this instance may consume from.</summary>
internal abstract class JobSource(string queue, string group)
{
    /// <summary>
    /// A consumer that stops lets its jobs run, for as long as they take: others would run them a second time. At shutdown
    /// <see cref="JobRunner.GiveUpAsync"/> ends them earlier.
    /// </summary>
    protected static readonly TimeSpan LongestDrain = QueueSubscription.MaxDrainTimeout;

    /// <summary>The broker's queue.</summary>
    public string Queue => queue;

    /// <summary>The group.</summary>
    public string Group => group;

    /// <summary>Its name among the limits that hold for the whole cluster.</summary>
    public string Id { get; } = $"{queue}\n{group}";

    /// <summary>How many of its jobs may run at a time in the whole cluster; null for as many as the instances take.</summary>
    public abstract int? ClusterConcurrency { get; }

    /// <summary>How to consume at this moment; null for not at all, because nobody here could handle a job.</summary>
    public abstract QueueSubscription? Wanted { get; }

    /// <summary>Handles a delivery.</summary>
    public abstract ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery);
}
