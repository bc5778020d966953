using System.Collections.Concurrent;
using System.Collections.ObjectModel;
using Iii.Adapters.MassTransit.Jobs;
using Iii.Adapters.MassTransit.Transports;
using Iii.Broker;
using MassTransit;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Adapters.MassTransit;

/// <summary>The queues of one instance over MassTransit: the bridge to .NET services that use it (docs/masstransit.md).</summary>
/// <remarks>
/// <para>
/// Payloads are the bodies of messages as they are; what else there is travels as headers. A message in MassTransit's own envelope comes
/// in as the member <c>message</c> of it. Which names there are in the broker, <see cref="MassTransitNames"/> says.
/// </para>
/// <para>
/// Over RabbitMQ, queues are quorum queues and a receipt means that a majority of the replicas has the message on disk. Between attempts
/// a job lies in a queue with a time to live, at most 50 ms and what its steps take too long; it occupies no handler and no consumer.
/// <see cref="BrokerLimits.MaxQueueLength"/> counts what waits, not what is delayed, delivered or dead, and is written into a queue when
/// that is made: to change it, delete the queue. <see cref="QueueSubscription.LeaseTime"/> is not needed: a broken connection gives its
/// messages back at once, and a silent one after about twice <see cref="MassTransitBrokerOptions.Heartbeat"/>. A broker closes a channel
/// that keeps a message for longer than its <c>consumer_timeout</c>, 30 minutes if nobody has changed it: a handler that takes longer is
/// started again.
/// </para>
/// <para><see cref="BrokerLimits.MaxNames"/> counts the queues that this instance has used since it connected.</para>
/// <para>Over the in-memory transport nothing outlives the process, and a bus has one broker.</para>
/// </remarks>
public sealed class MassTransitQueueBroker : IQueueBroker
{
    private readonly MassTransitBrokerOptions _options;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<GroupConsumer, byte> _consumers = [];
    private readonly ConcurrentDictionary<string, byte> _queues = new(StringComparer.Ordinal);
    private readonly Lazy<Task> _dispose;
    private volatile bool _isDisposed;

    private MassTransitQueueBroker(MassTransitBrokerOptions options, IJobTransport transport, ILoggerFactory loggers)
    {
        (_options, Transport, _logger) = (options, transport, loggers.CreateLogger<MassTransitQueueBroker>());
        _dispose = new Lazy<Task>(CloseAsync);
    }

    /// <inheritdoc/>
    public BrokerFeatures Features => Transport.Features;

    /// <inheritdoc/>
    public BrokerLimits Limits => _options.Limits;

    internal IJobTransport Transport { get; }

    /// <summary>Connects, with a bus of its own.</summary>
    /// <param name="options">Where to, and the bounds.</param>
    /// <param name="loggerFactory">For the log of the adapter and of MassTransit; null for none.</param>
    /// <param name="cancellationToken">Ends the connecting.</param>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>. Later losses are repaired; a failure of the first attempt is the caller's to handle.
    /// </exception>
    /// <exception cref="ArgumentException">The options cannot be used; the message says what to write.</exception>
    public static async Task<MassTransitQueueBroker> ConnectAsync(
        MassTransitBrokerOptions options, ILoggerFactory? loggerFactory = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        _ = new MassTransitNames(options.Cluster);
        var loggers = loggerFactory ?? NullLoggerFactory.Instance;
        var url = Uri.TryCreate(options.Url, UriKind.Absolute, out var parsed) ? parsed : null;
        IJobTransport transport = url?.Scheme switch
        {
            "amqp" or "amqps" => await RabbitMqTransport.ConnectAsync(options, url, loggers, cancellationToken).ConfigureAwait(false),
            "loopback" => await InMemoryTransport.StartAsync(options, url, cancellationToken).ConfigureAwait(false),
            _ => throw new ArgumentException(
                "The URL of MassTransit is not known; write it as amqp://user:password@host:5672/vhost, amqps://… or loopback://localhost/"),
        };
        return new MassTransitQueueBroker(options, transport, loggers);
    }

    /// <summary>Uses a bus with the in-memory transport, such as that of MassTransit's test harness. It stays its owner's.</summary>
    /// <param name="bus">The bus, started.</param>
    /// <param name="options">The bounds; <see cref="MassTransitBrokerOptions.Url"/> is not read.</param>
    /// <param name="loggerFactory">For the log; null for none.</param>
    /// <exception cref="BrokerException"><see cref="BrokerErrorCodes.Conflict"/>: the bus has a broker already.</exception>
    public static MassTransitQueueBroker OverInMemoryBus(IBusControl bus, MassTransitBrokerOptions options, ILoggerFactory? loggerFactory = null)
    {
        ArgumentNullException.ThrowIfNull(bus);
        ArgumentNullException.ThrowIfNull(options);
        return new MassTransitQueueBroker(options, InMemoryTransport.Over(bus, options), loggerFactory ?? NullLoggerFactory.Instance);
    }

    /// <inheritdoc/>
    public async ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckEnqueue(this, queue, message, options ?? EnqueueOptions.None);
        CheckOpen(cancellationToken);
        Admit(queue);
        var now = DateTimeOffset.UtcNow;
        var job = new Job
        {
            MessageId = Guid.CreateVersion7(now).ToString("N"),
            EnqueuedAt = DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds()),

            // MassTransit may still send it when the caller has stopped waiting.
            Payload = message.Payload.ToArray(),
            Headers = message.Headers.Count == 0 ? ReadOnlyDictionary<string, string>.Empty : message.Headers.ToDictionary(),
        };
        await Transport.EnqueueAsync(queue, job, cancellationToken).ConfigureAwait(false);
        return new EnqueueReceipt(job.MessageId, Transport.Durability);
    }

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        ArgumentNullException.ThrowIfNull(handler);
        CheckOpen(cancellationToken);
        Admit(subscription.Queue);
        var consumer = new GroupConsumer(Transport, _options, _logger, subscription, handler)
        {
            Disposed = disposed => _consumers.TryRemove(disposed, out _),
        };
        await consumer.StartAsync(cancellationToken).ConfigureAwait(false);
        _consumers[consumer] = 0;
        if (_isDisposed)
        {
            await consumer.DisposeAsync().ConfigureAwait(false);
            CheckOpen(cancellationToken);
        }

        return consumer;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default)
    {
        BrokerNames.CheckName("queue", queue);
        BrokerNames.CheckName("group", group);
        CheckOpen(cancellationToken);
        return await Transport.RemoveGroupAsync(queue, group, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(_dispose.Value);

    /// <summary>Lets a queue be used that this instance has used before, or that is not one too many.</summary>
    private void Admit(string queue)
    {
        if (!_queues.ContainsKey(queue) && (_queues.Count >= Limits.MaxNames || !_queues.TryAdd(queue, 0)) && !_queues.ContainsKey(queue))
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded, $"This instance uses {Limits.MaxNames} queues already; one more is not allowed.");
        }
    }

    private void CheckOpen(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async Task CloseAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_consumers.Keys.Select(static consumer => consumer.DisposeAsync().AsTask())).ConfigureAwait(false);
        await Transport.DisposeAsync().ConfigureAwait(false);
    }
}
