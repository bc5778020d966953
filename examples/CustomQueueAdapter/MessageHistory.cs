using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>What the attempts make of a message. Stored, its number is that of the last attempt that ended with a verdict.</summary>
internal static class MessageHistory
{
    private static readonly AttemptFailure Lost = new(AttemptFailure.ConsumerLost, "The consumer was lost, or gave up, before it had a verdict.");

    /// <summary>The message as it is delivered now: the attempts since the last verdict were lost.</summary>
    public static QueueDelivery AsDelivery(this QueueDelivery message, QueueSubscription subscription, MessageName name, DateTimeOffset now)
    {
        var known = message with { Group = subscription.Group, Failures = [.. message.Failures.Where(record => record.Attempt < name.Attempt)] };
        for (var attempt = message.Attempt + 1; attempt < name.Attempt; attempt++)
        {
            known = (known with { Attempt = attempt }).After(now, Lost);
        }

        return known with { Attempt = name.Attempt };
    }

    /// <summary>The message after its attempt has ended; only a failure leaves a record.</summary>
    public static QueueDelivery After(this QueueDelivery message, DateTimeOffset now, AttemptFailure? failure) => failure is null ? message : message with
    {
        Failures = [.. message.Failures.Append(new(message.Attempt, now, failure)).TakeLast(BrokerLimits.MaxRememberedFailures)],
    };
}
