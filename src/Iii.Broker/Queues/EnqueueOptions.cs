namespace Iii.Broker;

/// <summary>What a message may ask for. Each wish needs its feature; without it the message is refused.</summary>
public sealed record EnqueueOptions
{
    /// <summary>No wishes.</summary>
    public static EnqueueOptions None { get; } = new();

    /// <summary>How long a deduplication key is remembered when nothing is said.</summary>
    public static readonly TimeSpan DefaultDeduplicationWindow = TimeSpan.FromMinutes(5);

    /// <summary>The shortest <see cref="DeduplicationWindow"/>.</summary>
    public static readonly TimeSpan MinDeduplicationWindow = TimeSpan.FromSeconds(1);

    /// <summary>Messages with the same key are handled in order by a subscription with <see cref="QueueOrdering.PerKey"/>.</summary>
    public string? OrderingKey { get; init; }

    /// <summary>Not delivered before this time has passed, by the broker's clock. At most <see cref="BrokerLimits.MaxDelay"/>.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>0, the lowest and the default, to <see cref="BrokerLimits.MaxPriority"/>. Higher is delivered earlier.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// Another message with this key on the same queue within <see cref="DeduplicationWindow"/> after the first was accepted is
    /// not stored; its receipt is that of the first and says so. It does not matter whether the first has been handled.
    /// </summary>
    public string? DeduplicationKey { get; init; }

    /// <summary>How long the key is remembered, at most <see cref="BrokerLimits.MaxDeduplicationWindow"/>.</summary>
    public TimeSpan DeduplicationWindow { get; init; } = DefaultDeduplicationWindow;
}
