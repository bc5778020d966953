namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>A delayed message, or the cancellation of one, that the broker has handed to this instance until it is due.</summary>
/// <param name="Tag">The delivery on the channel of its <see cref="DelayWindow"/>.</param>
/// <param name="Destination">The routing key for what is due.</param>
/// <param name="MessageId">Its own, or of the message that it cancels.</param>
/// <param name="Due">When it is due, by the clock of who sent it.</param>
/// <param name="Body">Its bytes; a cancellation has none.</param>
internal sealed record HeldMessage(ulong Tag, string Destination, string MessageId, DateTimeOffset Due, byte[] Body)
{
    public bool IsCancellation { get; init; }

    /// <summary>Whether it was held before, on another session or by another instance.</summary>
    public bool IsRedelivered { get; init; }

    /// <summary>Whether it has had a far part, and lay in <see cref="DelaySteps"/>.</summary>
    public bool HasPassedSteps { get; init; }

    /// <inheritdoc cref="DelaySteps.GroupsOf"/>
    public string? Groups { get; init; }

    /// <summary>Whether it waits for its next attempt.</summary>
    public bool IsRetry => QueueRecordFormat.TryRead(Body) is { Attempts: > 0 };
}
