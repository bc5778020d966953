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
    public Job After(int attempt, AttemptFailure? failure, DateTimeOffset at) => this with
    {
        Attempts = attempt,
        Failures = failure is null ? Failures : Failures.With(new AttemptRecord(attempt, at, failure)),
    };

    /// <summary>The job after deliveries that the broker counted and nobody gave a verdict for.</summary>
    public Job AfterLost(int deliveries, DateTimeOffset at) => this with
    {
        Attempts = Attempts + deliveries,
        Failures = Failures.WithLost(Attempts + 1, Attempts + deliveries, at),
    };

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
