using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>A message that the broker has delivered here, until it is settled.</summary>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, and may be set after the run has ended.
internal sealed class DeliveryRun(GroupConsumer consumer, ConsumingChannel channel, ulong tag, QueueRecord record) : IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _lost = new();

    public ConsumingChannel Channel => channel;

    public ulong Tag => tag;

    /// <summary>As it stands before the attempt of this moment.</summary>
    public QueueRecord Record { get; set; } = record;

    public int Attempt => Record.Attempts + 1;

    public CancellationToken Lost => _lost.Token;

    /// <summary>The handler has returned. Guarded by the consumer's lock.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Its verdict no longer counts: the message is, or is about to be, somebody else's. Guarded by the consumer's lock.</summary>
    public bool IsAbandoned { get; set; }

    public void Execute() => _ = consumer.HandleAsync(this);

    /// <summary>Tells the handler that it was abandoned.</summary>
    public void Cancel() => _ = _lost.CancelAsync(consumer.HandlerFailed);

    public QueueDelivery Describe(QueueSubscription subscription) => new()
    {
        Queue = subscription.Queue,
        Group = subscription.Group,
        MessageId = Record.MessageId,
        Attempt = Attempt,
        EnqueuedAt = Record.EnqueuedAt,
        Payload = Record.Payload,
        Headers = Record.Headers,
        OrderingKey = Record.OrderingKey,
        Failures = Record.Failures,
    };
}
