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
    public QueueRecord After(int attempt, AttemptFailure? failure, DateTimeOffset at)
    {
        if (failure is null)
        {
            return this with { Attempts = attempt };
        }

        var kept = Failures.Skip(Math.Max(0, Failures.Count + 1 - BrokerLimits.MaxRememberedFailures));
        return this with { Attempts = attempt, Failures = [.. kept, new AttemptRecord(attempt, at, failure)] };
    }

    /// <summary>The record after deliveries that the broker counted and nobody gave a verdict for.</summary>
    public QueueRecord AfterLost(int deliveries, DateTimeOffset at)
    {
        var record = this;
        var first = Math.Max(1, deliveries + 1 - BrokerLimits.MaxRememberedFailures);
        for (var lost = first; lost <= deliveries; lost++)
        {
            record = record.After(Attempts + lost, new AttemptFailure(AttemptFailure.ConsumerLost, "The consumer vanished or stopped before it gave a verdict."), at);
        }

        return record;
    }
}
