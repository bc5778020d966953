namespace Iii.Broker;

/// <summary>What becomes of a message after an attempt. Made by the three factories; there is no fourth.</summary>
public abstract record QueueVerdict
{
    private QueueVerdict()
    {
    }

    /// <summary>It is dealt with: forget it.</summary>
    public static QueueVerdict Ack { get; } = new Acknowledged();

    /// <summary>Deliver it again, not before <paramref name="delay"/> has passed.</summary>
    /// <param name="delay">Zero for at once; at most <see cref="BrokerLimits.MaxDelay"/>, a longer one is cut to it.</param>
    /// <param name="failure">Why, for the message's history.</param>
    public static QueueVerdict RetryAfter(TimeSpan delay, AttemptFailure? failure = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        return new Retried(delay, failure);
    }

    /// <summary>Deliver it no more: move it, with its history, to the group's dead letters.</summary>
    /// <param name="reason">The last failure.</param>
    public static QueueVerdict DeadLetter(AttemptFailure reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        return new DeadLettered(reason);
    }

    /// <summary>The verdict <see cref="Ack"/>, for adapters.</summary>
    public sealed record Acknowledged : QueueVerdict;

    /// <summary>The verdict <see cref="RetryAfter"/>, for adapters.</summary>
    /// <param name="Delay">The pause before the next attempt.</param>
    /// <param name="Failure">Why.</param>
    public sealed record Retried(TimeSpan Delay, AttemptFailure? Failure) : QueueVerdict;

    /// <summary>The verdict <see cref="DeadLetter"/>, for adapters.</summary>
    /// <param name="Reason">The last failure.</param>
    public sealed record DeadLettered(AttemptFailure Reason) : QueueVerdict;
}
