namespace Iii.Broker;

/// <summary>A message that is delivered no more.</summary>
public sealed record DeadLetterRecord
{
    /// <summary>The queue it was enqueued to.</summary>
    public required string Queue { get; init; }

    /// <summary>The group whose copy this is.</summary>
    public required string Group { get; init; }

    /// <summary>The id of the receipt.</summary>
    public required string MessageId { get; init; }

    /// <summary>The bytes that were enqueued.</summary>
    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>The headers that were enqueued.</summary>
    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    /// <summary>The ordering key, if it had one.</summary>
    public string? OrderingKey { get; init; }

    /// <summary>The priority, 0 if it had none.</summary>
    public int Priority { get; init; }

    /// <summary>Why it is here: the reason of the last verdict.</summary>
    public required AttemptFailure Reason { get; init; }

    /// <summary>How many times it was delivered.</summary>
    public required int Attempts { get; init; }

    /// <summary>The attempts, oldest first, the one with <see cref="Reason"/> last; at most <see cref="BrokerLimits.MaxRememberedFailures"/>.</summary>
    public required IReadOnlyList<AttemptRecord> Failures { get; init; }

    /// <summary>When it was accepted.</summary>
    public required DateTimeOffset EnqueuedAt { get; init; }

    /// <summary>When it became a dead letter.</summary>
    public required DateTimeOffset DeadAt { get; init; }

    /// <summary>What becomes of a delivery whose last failure, the reason, is in its history already.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="deadAt">When it became a dead letter.</param>
    public static DeadLetterRecord Of(QueueDelivery delivery, DateTimeOffset deadAt)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        return new DeadLetterRecord
        {
            Queue = delivery.Queue,
            Group = delivery.Group,
            MessageId = delivery.MessageId,
            Payload = delivery.Payload,
            Headers = delivery.Headers,
            OrderingKey = delivery.OrderingKey,
            Priority = delivery.Priority,
            Reason = delivery.Failures[^1].Failure,
            Attempts = delivery.Attempt,
            Failures = delivery.Failures,
            EnqueuedAt = delivery.EnqueuedAt,
            DeadAt = deadAt,
        };
    }
}
