using Iii.Adapters.RabbitMq.Bus;
using Iii.Adapters.RabbitMq.Publishing;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq;

/// <summary>The message bus of one instance on RabbitMQ.</summary>
/// <remarks>
/// Frames to one subject that are published close to each other travel as one AMQP message, and arrive one by one. A frame that no
/// instance is subscribed to is returned by the broker; that is how <see cref="PublishOutcome.NobodyListens"/> is known. An
/// instance that vanished without closing its connection counts as somebody until the broker misses its heartbeats.
/// </remarks>
public sealed class RabbitMqMessageBus : IMessageBus, IBrokerConnection
{
    /// <summary>AMQP messages under way, over all subjects.</summary>
    private const int MaxInFlight = 256;

    private readonly RabbitMqConnection _connection;
    private readonly BusOutbox _outbox;
    private readonly ConfirmedPublisher _publisher;
    private readonly BusReceiver _receiver;
    private readonly Lazy<Task> _dispose;
    private volatile bool _isDisposed;

    private RabbitMqMessageBus(RabbitMqConnection connection)
    {
        _connection = connection;
        _outbox = new BusOutbox(connection.Names.BusExchange, connection.Options.MaxOutgoingBytes);
        _publisher = new ConfirmedPublisher(_outbox, MaxInFlight, connection.Options.ConfirmTimeout, DeclareAsync);
        _receiver = new BusReceiver(connection);
        _dispose = new Lazy<Task>(CloseAsync);
    }

    /// <inheritdoc/>
    public event Action? ConnectionChanged
    {
        add => _connection.ConnectionChanged += value;
        remove => _connection.ConnectionChanged -= value;
    }

    /// <inheritdoc/>
    public bool IsConnected => _connection.IsConnected;

    /// <inheritdoc/>
    public BrokerFeatures Features => BrokerFeatures.Shared;

    /// <inheritdoc/>
    public BrokerLimits Limits => _connection.Options.Limits;

    /// <summary>Makes the bus of an instance.</summary>
    /// <param name="connection">Its connection, which outlives the bus.</param>
    /// <param name="cancellationToken">Ends the waiting for the broker.</param>
    /// <exception cref="BrokerException"><see cref="BrokerErrorCodes.BrokerUnavailable"/>.</exception>
    public static async Task<RabbitMqMessageBus> CreateAsync(RabbitMqConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        var bus = new RabbitMqMessageBus(connection);
        try
        {
            await connection.Publishing.AttachAsync(bus._publisher, cancellationToken).ConfigureAwait(false);
            await connection.Consuming.AttachAsync(bus._receiver, cancellationToken).ConfigureAwait(false);
            return bus;
        }
        catch
        {
            await bus.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<PublishOutcome> PublishAsync(string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckPublish(this, subject, frame.Length);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        var outcome = _outbox.AddAsync(subject, frame, cancellationToken);
        _publisher.Wake();
        return outcome;
    }

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> SubscribeAsync(string subject, BusHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerNames.CheckName("subject", subject);
        ArgumentNullException.ThrowIfNull(handler);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        var subscription = new BusSubscription(_receiver, _connection.Options, _connection.Logger, subject, handler);
        await _receiver.AddAsync(subscription, cancellationToken).ConfigureAwait(false);
        subscription.Start();
        return subscription;
    }

    /// <summary>Ends the subscriptions of this bus, in parallel, as disposing each would. The connection stays open.</summary>
    public ValueTask DisposeAsync() => new(_dispose.Value);

    private async Task DeclareAsync(IChannel channel, CancellationToken cancellationToken) =>
        await channel.ExchangeDeclareAsync(
            _connection.Names.BusExchange, ExchangeType.Direct, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);

    private async Task CloseAsync()
    {
        _isDisposed = true;
        await _connection.Publishing.DetachAsync(_publisher).ConfigureAwait(false);
        await _connection.Consuming.DetachAsync(_receiver).ConfigureAwait(false);
        await _receiver.CloseAsync().ConfigureAwait(false);
        await _publisher.CloseAsync().ConfigureAwait(false);
    }
}
