using System.Collections.ObjectModel;
using Iii.Broker;

namespace Iii.Adapters.MassTransit.Jobs;

/// <summary>A message of a queue. In the broker its payload is the body, and the rest are headers (<see cref="JobHeaders"/>).</summary>
internal sealed record Job
{
    public required string MessageId { get; init; }

    public required DateTimeOffset EnqueuedAt { get; init; }

    public required ReadOnlyMemory<byte> Payload { get; init; }

    public IReadOnlyDictionary<string, string> Headers { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Attempts that have ended.</summary>
    public int Attempts { get; init; }

    /// <summary>Those that are remembered, oldest first.</summary>
    public IReadOnlyList<AttemptRecord> Failures { get; init; } = [];

    /// <summary>Not delivered before, by the clocks of the instances; null for at once.</summary>
    public DateTimeOffset? Due { get; init; }

    /// <summary>The job after an attempt.</summary>
    public Job After(int attempt, AttemptFailure? failure, DateTimeOffset at)
    {
        if (failure is null)
        {
            return this with { Attempts = attempt };
        }

        var kept = Failures.Skip(Math.Max(0, Failures.Count + 1 - BrokerLimits.MaxRememberedFailures));
        return this with { Attempts = attempt, Failures = [.. kept, new AttemptRecord(attempt, at, failure)] };
    }

    /// <summary>The job after deliveries that the broker counted and nobody gave a verdict for.</summary>
    public Job AfterLost(int deliveries, DateTimeOffset at)
    {
        var job = this;
        for (var lost = Math.Max(1, deliveries + 1 - BrokerLimits.MaxRememberedFailures); lost <= deliveries; lost++)
        {
            job = job.After(Attempts + lost, ConsumerLost, at);
        }

        return job;
    }

    public static AttemptFailure ConsumerLost { get; } =
        new(AttemptFailure.ConsumerLost, "The consumer vanished or stopped before it gave a verdict.");

    public QueueDelivery Describe(QueueSubscription subscription) => new()
    {
        Queue = subscription.Queue,
        Group = subscription.Group,
        MessageId = MessageId,
        Attempt = Attempts + 1,
        EnqueuedAt = EnqueuedAt,
        Payload = Payload,
        Headers = Headers,
        Failures = Failures,
    };
}
