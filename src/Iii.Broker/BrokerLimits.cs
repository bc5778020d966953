namespace Iii.Broker;

/// <summary>
/// The bounds of an adapter. Each says what happens at the bound; "refused" is a <see cref="BrokerException"/> with
/// <see cref="BrokerErrorCodes.LimitExceeded"/>, and a refused call has changed nothing unless its own documentation says so.
/// </summary>
/// <remarks>The constants are the contract's own and the same on every adapter; the properties are an adapter's configuration.</remarks>
public sealed record BrokerLimits
{
    /// <summary>Longest name of a subject, queue, group, lease or claim, in bytes of UTF-8. A longer one is an invalid name.</summary>
    /// <remarks>It leaves room for an adapter's prefix in brokers whose own names end at 255 bytes.</remarks>
    public const int MaxNameBytes = 200;

    /// <summary>Longest state scope, state key, ordering key or deduplication key, in bytes of UTF-8. A longer one is an invalid name.</summary>
    public const int MaxKeyBytes = 512;

    /// <summary>Most headers a message carries. More are refused.</summary>
    public const int MaxHeaders = 32;

    /// <summary>Most bytes of UTF-8 in all header names and values of one message. More are refused.</summary>
    public const int MaxHeaderBytes = 8 * 1024;

    /// <summary>Highest <see cref="EnqueueOptions.Priority"/>.</summary>
    public const int MaxPriority = 9;

    /// <summary>Most deliveries of one subscription that run at the same time.</summary>
    public const int MaxConcurrency = 10_000;

    /// <summary>How many failed attempts a message remembers. Beyond it the oldest is forgotten; the count goes on.</summary>
    public const int MaxRememberedFailures = 32;

    /// <summary>Longest text of one <see cref="AttemptFailure.Message"/>, in characters. A longer one is cut, not within a surrogate pair.</summary>
    public const int MaxFailureMessageLength = 4 * 1024;

    /// <summary>Most items of one page. Asking for more is a programming error.</summary>
    public const int MaxPageSize = 1_000;

    /// <summary>Shortest time to live of a lease and retention of a claim. A shorter one is a programming error.</summary>
    public static readonly TimeSpan MinLeaseDuration = TimeSpan.FromSeconds(1);

    /// <summary>Longest time to live of a lease and retention of a claim. A longer one is a programming error.</summary>
    public static readonly TimeSpan MaxLeaseDuration = TimeSpan.FromDays(366);

    /// <summary>Bus: largest frame, in bytes. A larger one is refused; the engine cuts its payloads into parts below this.</summary>
    public int MaxFrameBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// Bus: frames that wait for one subscription's handler. At the bound the newest frame is dropped for that subscription alone
    /// and the next one that it gets says <see cref="BusDelivery.AfterGap"/>; publishers and other subscriptions notice nothing.
    /// </summary>
    public int MaxBufferedFrames { get; init; } = 8 * 1024;

    /// <summary>Queues: largest payload of a message, in bytes. A larger one is refused.</summary>
    public int MaxMessageBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// Queues: most messages one group holds. At the bound enqueueing to its queue is refused until the group has room.
    /// Waiting messages always count; an adapter says whether delayed, delivered and dead ones do, and may overshoot by what
    /// was in flight.
    /// </summary>
    public int MaxQueueLength { get; init; } = 1_000_000;

    /// <summary>Queues: longest delay before a delivery. A longer one is refused.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromDays(366);

    /// <summary>Queues: longest window of deduplication. A longer one is refused.</summary>
    public TimeSpan MaxDeduplicationWindow { get; init; } = TimeSpan.FromDays(7);

    /// <summary>State: largest value, in bytes. A larger one is refused.</summary>
    public int MaxValueBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>State: most entries over all scopes. At the bound new keys are refused; existing ones can still be written and deleted.</summary>
    public int MaxStateEntries { get; init; } = 1_000_000;

    /// <summary>
    /// Most names that exist at the same time, counted apart for subscriptions, queues, held leases and remembered claims.
    /// One more is refused.
    /// </summary>
    public int MaxNames { get; init; } = 100_000;
}
