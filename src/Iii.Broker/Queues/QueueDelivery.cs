namespace Iii.Broker;

/// <summary>One attempt to have a message handled.</summary>
public sealed record QueueDelivery
{
    /// <summary>The queue it was enqueued to.</summary>
    public required string Queue { get; init; }

    /// <summary>The group whose copy this is.</summary>
    public required string Group { get; init; }

    /// <summary>The id of the receipt; the same for every attempt and every group.</summary>
    public required string MessageId { get; init; }

    /// <summary>Counts the deliveries of this copy, from 1. Deliveries that ended without a verdict count.</summary>
    public required int Attempt { get; init; }

    /// <summary>When it was accepted, by the broker's or the accepting instance's clock.</summary>
    public required DateTimeOffset EnqueuedAt { get; init; }

    /// <summary>The bytes that were enqueued.</summary>
    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>The headers that were enqueued.</summary>
    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    /// <summary>The ordering key, if it has one.</summary>
    public string? OrderingKey { get; init; }

    /// <summary>The priority, 0 if it has none.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// The attempts so far, oldest first, at most the last <see cref="BrokerLimits.MaxRememberedFailures"/>: what the verdicts said, and
    /// <see cref="AttemptFailure.ConsumerLost"/> or <see cref="AttemptFailure.HandlerFailed"/> for those without one.
    /// </summary>
    public IReadOnlyList<AttemptRecord> Failures { get; init; } = [];
}
