using System.Text;

namespace Iii.Broker;

/// <summary>
/// The checks that every adapter makes before it touches its broker, written once so that all refuse the same things with the
/// same words. An adapter calls the one that belongs to the member as its first statement.
/// </summary>
public static class BrokerGuard
{
    /// <summary>Checks the arguments of <see cref="IMessageBus.PublishAsync"/>.</summary>
    /// <exception cref="BrokerException">When the contract or the adapter's declaration does not allow the call.</exception>
    public static void CheckPublish(IMessageBus bus, string subject, int frameBytes)
    {
        ArgumentNullException.ThrowIfNull(bus);
        BrokerNames.CheckName("subject", subject);
        CheckSize("frame", frameBytes, bus.Limits.MaxFrameBytes);
    }

    /// <summary>Checks the arguments of <see cref="IQueueBroker.EnqueueAsync"/>.</summary>
    /// <inheritdoc cref="CheckPublish"/>
    public static void CheckEnqueue(IQueueBroker broker, string queue, QueueMessage message, EnqueueOptions options)
    {
        ArgumentNullException.ThrowIfNull(broker);
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(options);
        BrokerNames.CheckName("queue", queue);
        CheckSize("message", message.Payload.Length, broker.Limits.MaxMessageBytes);
        CheckHeaders(message.Headers);
        CheckOrderingKey(broker, options);
        CheckDelay(broker, options);
        CheckPriority(broker, options);
        CheckDeduplication(broker, options);
    }

    /// <summary>Checks the arguments of <see cref="IQueueBroker.ConsumeAsync"/>.</summary>
    /// <inheritdoc cref="CheckPublish"/>
    public static void CheckSubscription(IQueueBroker broker, QueueSubscription subscription)
    {
        ArgumentNullException.ThrowIfNull(broker);
        ArgumentNullException.ThrowIfNull(subscription);
        BrokerNames.CheckName("queue", subscription.Queue);
        BrokerNames.CheckName("group", subscription.Group);
        ArgumentOutOfRangeException.ThrowIfLessThan(subscription.Concurrency, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(subscription.Concurrency, BrokerLimits.MaxConcurrency);
        ArgumentOutOfRangeException.ThrowIfLessThan(subscription.LeaseTime, QueueSubscription.MinLeaseTime);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(subscription.LeaseTime, QueueSubscription.MaxLeaseTime);
        ArgumentOutOfRangeException.ThrowIfLessThan(subscription.DrainTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(subscription.DrainTimeout, QueueSubscription.MaxDrainTimeout);
        if (subscription.Ordering == QueueOrdering.PerKey)
        {
            Require(broker, BrokerFeatures.OrderingKeys, "consuming in order per key");
        }
    }

    /// <summary>Checks the arguments of <see cref="IStateStore.SetAsync"/>.</summary>
    /// <inheritdoc cref="CheckPublish"/>
    public static void CheckSet(IStateStore store, string scope, string key, int valueBytes)
    {
        ArgumentNullException.ThrowIfNull(store);
        CheckAddress(scope, key);
        CheckSize("value", valueBytes, store.Limits.MaxValueBytes);
    }

    /// <summary>Checks scope and key of a state entry.</summary>
    /// <inheritdoc cref="CheckPublish"/>
    public static void CheckAddress(string scope, string key)
    {
        BrokerNames.CheckStateKey("state scope", scope);
        BrokerNames.CheckStateKey("state key", key);
    }

    /// <summary>Checks the arguments of the members of <see cref="ILeaseProvider"/>.</summary>
    /// <inheritdoc cref="CheckPublish"/>
    public static void CheckLease(string name, TimeSpan duration)
    {
        BrokerNames.CheckName("lease", name);
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, BrokerLimits.MinLeaseDuration);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(duration, BrokerLimits.MaxLeaseDuration);
    }

    /// <summary>Refuses what needs a feature that the adapter does not declare.</summary>
    /// <param name="seam">The adapter.</param>
    /// <param name="feature">What is needed.</param>
    /// <param name="what">What needs it, for the message.</param>
    /// <exception cref="BrokerException">With <see cref="BrokerErrorCodes.NotSupported"/>.</exception>
    public static void Require(IBrokerSeam seam, BrokerFeatures feature, string what)
    {
        ArgumentNullException.ThrowIfNull(seam);
        if (!seam.Features.HasFlag(feature))
        {
            throw new BrokerException(
                BrokerErrorCodes.NotSupported,
                $"{seam.GetType().Name} does not support {what}: it declares {seam.Features}, which lacks {feature}. "
                + "Leave the option out or choose another adapter.");
        }
    }

    private static void CheckHeaders(IReadOnlyDictionary<string, string> headers)
    {
        CheckSize("number of headers", headers.Count, BrokerLimits.MaxHeaders, "");
        var bytes = 0;
        foreach (var (name, value) in headers)
        {
            BrokerNames.CheckName("header", name);
            bytes += Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value);
        }

        CheckSize("set of headers", bytes, BrokerLimits.MaxHeaderBytes);
    }

    private static void CheckOrderingKey(IQueueBroker broker, EnqueueOptions options)
    {
        if (options.OrderingKey is { } key)
        {
            Require(broker, BrokerFeatures.OrderingKeys, "an ordering key");
            BrokerNames.CheckKey("ordering key", key);
        }
    }

    private static void CheckDelay(IQueueBroker broker, EnqueueOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Delay, TimeSpan.Zero);
        if (options.Delay > TimeSpan.Zero)
        {
            Require(broker, BrokerFeatures.Delay, "a delay");
            CheckDuration("delay", options.Delay, broker.Limits.MaxDelay);
        }
    }

    private static void CheckPriority(IQueueBroker broker, EnqueueOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.Priority);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Priority, BrokerLimits.MaxPriority);
        if (options.Priority > 0)
        {
            Require(broker, BrokerFeatures.Priority, "a priority");
        }
    }

    private static void CheckDeduplication(IQueueBroker broker, EnqueueOptions options)
    {
        if (options.DeduplicationKey is { } key)
        {
            Require(broker, BrokerFeatures.Deduplication, "a deduplication key");
            BrokerNames.CheckKey("deduplication key", key);
            ArgumentOutOfRangeException.ThrowIfLessThan(options.DeduplicationWindow, EnqueueOptions.MinDeduplicationWindow);
            CheckDuration("deduplication window", options.DeduplicationWindow, broker.Limits.MaxDeduplicationWindow);
        }
    }

    private static void CheckSize(string what, int size, int limit, string unit = " bytes")
    {
        if (size > limit)
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"The {what} is {size}{unit}; at most {limit}{unit} are allowed.");
        }
    }

    private static void CheckDuration(string what, TimeSpan duration, TimeSpan limit)
    {
        if (duration > limit)
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"The {what} is {duration}; at most {limit} is allowed.");
        }
    }
}
