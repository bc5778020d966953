namespace Iii.Broker;

/// <summary>
/// The abilities an adapter may or may not have. What is not declared is refused with
/// <see cref="BrokerErrorCodes.NotSupported"/>, never ignored.
/// </summary>
[Flags]
public enum BrokerFeatures
{
    /// <summary>Nothing beyond the contract's core.</summary>
    None = 0,

    /// <summary>Several instances, each with an object of its own, meet in one broker. Without it a second instance is refused.</summary>
    Shared = 1 << 0,

    /// <summary>What was accepted outlives the process that accepted it.</summary>
    Durable = 1 << 1,

    /// <summary>Queues: <see cref="EnqueueOptions.OrderingKey"/> and <see cref="QueueOrdering.PerKey"/>.</summary>
    OrderingKeys = 1 << 2,

    /// <summary>Queues: <see cref="EnqueueOptions.Delay"/>. (A delay between attempts is core and always there.)</summary>
    Delay = 1 << 3,

    /// <summary>Queues: <see cref="EnqueueOptions.Priority"/>.</summary>
    Priority = 1 << 4,

    /// <summary>Queues: <see cref="EnqueueOptions.DeduplicationKey"/>.</summary>
    Deduplication = 1 << 5,

    /// <summary>Queues: more than one group on a queue, each with a copy of every message.</summary>
    Groups = 1 << 6,

    /// <summary>Queues: the adapter implements <see cref="IMessageCancellation"/>, for messages whose <see cref="EnqueueOptions.Delay"/> has not passed.</summary>
    Cancellation = 1 << 7,

    /// <summary>Queues: the adapter implements <see cref="IDeadLetters"/>.</summary>
    DeadLetters = 1 << 8,

    /// <summary>Queues: the adapter implements <see cref="IQueueInspection"/>.</summary>
    Inspection = 1 << 9,

    /// <summary>
    /// Queues: of all consumers of a group with <see cref="QueueOrdering.PerKey"/> one is at work at a time, and the others wait for their
    /// turn. No ability, but good to know: they have nothing to share.
    /// </summary>
    OrderedInTurn = 1 << 10,

    /// <summary>Queues: <see cref="IMessageCancellation"/> is for messages that wait as well, for a consumer or for their next attempt.</summary>
    CancellationOfWaiting = 1 << 11,
}
