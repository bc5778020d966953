using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>A message as it lies in the broker. Its bytes are <see cref="QueueRecordFormat"/>.</summary>
internal sealed record QueueRecord
{
    public required string MessageId { get; init; }

    public required DateTimeOffset EnqueuedAt { get; init; }

    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    public required ReadOnlyMemory<byte> Payload { get; init; }

    public string? OrderingKey { get; init; }

    /// <summary>Attempts that have ended.</summary>
    public int Attempts { get; init; }

    /// <summary>Those that are remembered, oldest first.</summary>
    public IReadOnlyList<AttemptRecord> Failures { get; init; } = [];

    /// <summary>When it became a dead letter; null while it is none. What is in its group's line all the same was redriven.</summary>
    public DateTimeOffset? DeadAt { get; init; }

    /// <summary>The record as its group's line has it: one that was redriven begins anew.</summary>
    public QueueRecord InLine() => DeadAt is null ? this : this with { Attempts = 0, Failures = [], DeadAt = null };

    /// <summary>The record after attempts that ended without an acknowledgement.</summary>
    public QueueRecord After(int attempt, AttemptFailure? failure, DateTimeOffset at) => this with
    {
        Attempts = attempt,
        Failures = failure is null ? Failures : Failures.With(new AttemptRecord(attempt, at, failure)),
    };

    /// <summary>The record after deliveries that the broker counted and nobody gave a verdict for.</summary>
    public QueueRecord AfterLost(int deliveries, DateTimeOffset at) => this with
    {
        Attempts = Attempts + deliveries,
        Failures = Failures.WithLost(Attempts + 1, Attempts + deliveries, at),
    };
}
