using Iii.Adapters.RabbitMq.Publishing;
using Iii.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>One stored message on its way.</summary>
internal sealed class QueuePublication(QueueOutbox outbox, string exchange, string routingKey, ReadOnlyMemory<byte> body, BasicProperties properties)
    : Publication
{
    private readonly TaskCompletionSource<PublicationOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override string Exchange => exchange;

    public override string RoutingKey => routingKey;

    public override BasicProperties Properties => properties;

    public override ReadOnlyMemory<byte> Body => body;

    public Task<PublicationOutcome> Outcome => _outcome.Task;

    public override bool Matches(BasicReturnEventArgs returned) =>
        returned.BasicProperties.MessageId == properties.MessageId && returned.Exchange == exchange && returned.RoutingKey == routingKey;

    public override void Confirm() => End(_outcome.TrySetResult(IsReturned ? PublicationOutcome.Returned : PublicationOutcome.Stored));

    public override void Refuse() => End(_outcome.TrySetResult(PublicationOutcome.Refused));

    public override void Fail(BrokerException why) => End(_outcome.TrySetException(why));

    private void End(bool isFirst)
    {
        if (isFirst)
        {
            outbox.Forget();
        }
    }
}
