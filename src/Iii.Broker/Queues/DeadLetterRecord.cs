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
}
