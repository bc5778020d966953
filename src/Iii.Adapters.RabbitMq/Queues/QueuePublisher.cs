using Iii.Adapters.RabbitMq.Publishing;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Stores messages: completes when the broker has confirmed.</summary>
internal sealed class QueuePublisher : IAsyncDisposable
{
    /// <summary>Messages that are sent and not confirmed.</summary>
    private const int MaxInFlight = 1024;

    /// <summary>Messages that wait or are under way; beyond it callers wait.</summary>
    private const int MaxWaiting = 8 * 1024;

    private readonly RabbitMqConnection _connection;
    private readonly QueueOutbox _outbox = new(MaxWaiting);
    private readonly ConfirmedPublisher _publisher;

    private QueuePublisher(RabbitMqConnection connection)
    {
        _connection = connection;
        _publisher = new ConfirmedPublisher(_outbox, MaxInFlight, connection.Options.StoreTimeout, static (_, _) => Task.CompletedTask);
    }

    public static async Task<QueuePublisher> CreateAsync(RabbitMqConnection connection, CancellationToken cancellationToken)
    {
        var publisher = new QueuePublisher(connection);
        await connection.Publishing.AttachAsync(publisher._publisher, cancellationToken).ConfigureAwait(false);
        return publisher;
    }

    /// <summary>Stores a message. The bytes are borrowed until the task completes; in order for one caller that does not wait.</summary>
    /// <exception cref="Iii.Broker.BrokerException">The connection is lost or was lost meanwhile: it may be stored.</exception>
    public Task<PublicationOutcome> PublishAsync(
        string exchange, string routingKey, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        PublishAsync(exchange, routingKey, messageId, body, new BasicProperties(), cancellationToken);

    /// <summary>Stores a message with properties of its own, which get its id and are persistent.</summary>
    /// <inheritdoc cref="PublishAsync(string, string, string, ReadOnlyMemory{byte}, CancellationToken)"/>
    public async Task<PublicationOutcome> PublishAsync(
        string exchange,
        string routingKey,
        string messageId,
        ReadOnlyMemory<byte> body,
        BasicProperties properties,
        CancellationToken cancellationToken)
    {
        (properties.MessageId, properties.DeliveryMode) = (messageId, DeliveryModes.Persistent);
        var publication = await _outbox.AddAsync(exchange, routingKey, body, properties, cancellationToken).ConfigureAwait(false);
        _publisher.Wake();
        return await publication.Outcome.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.Publishing.DetachAsync(_publisher).ConfigureAwait(false);
        await _publisher.CloseAsync().ConfigureAwait(false);
    }
}
