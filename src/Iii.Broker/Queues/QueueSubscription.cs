namespace Iii.Broker;

/// <summary>What to consume, and how.</summary>
/// <param name="Queue">The queue, a name as in <see cref="BrokerNames"/>. It need not exist yet.</param>
public sealed record QueueSubscription(string Queue)
{
    /// <summary>The group of those who do not name one.</summary>
    public const string DefaultGroup = "default";

    /// <summary>The shortest <see cref="LeaseTime"/>.</summary>
    public static readonly TimeSpan MinLeaseTime = TimeSpan.FromSeconds(1);

    /// <summary>The longest <see cref="LeaseTime"/>.</summary>
    public static readonly TimeSpan MaxLeaseTime = TimeSpan.FromHours(12);

    /// <summary>The longest <see cref="DrainTimeout"/>: for as long as handlers take, and within what a timer can measure.</summary>
    public static readonly TimeSpan MaxDrainTimeout = TimeSpan.FromDays(24);

    /// <summary>Same group: compete. Different groups: a copy each. A name as in <see cref="BrokerNames"/>.</summary>
    public string Group { get; init; } = DefaultGroup;

    /// <summary>How many handlers of this subscription run at the same time, 1 to <see cref="BrokerLimits.MaxConcurrency"/>.</summary>
    public int Concurrency { get; init; } = 1;

    /// <summary>
    /// How long after this instance has vanished its messages are delivered elsewhere. No limit for the handler: the lease is
    /// renewed while it runs. An adapter whose broker notices a lost connection by itself may be faster.
    /// </summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether ordering keys are obeyed. All consumers of a group at one time say the same.</summary>
    public QueueOrdering Ordering { get; init; }

    /// <summary>
    /// How long dispose waits for running handlers before it gives their messages back, up to <see cref="MaxDrainTimeout"/>. Zero: not
    /// at all.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
