using System.Globalization;
using Iii.Adapters.MassTransit.Jobs;
using Iii.Broker;
using MassTransit;
using MassTransit.RabbitMqTransport;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>RabbitMQ: MassTransit carries the messages, and <see cref="RabbitMqTopology"/> declares what it cannot.</summary>
/// <remarks>
/// A bus has at most one receive endpoint for a queue. So a second consumer of a group in this process gets a bus, and a connection, of
/// its own.
/// </remarks>
internal sealed class RabbitMqTransport : IJobTransport
{
    private readonly MassTransitBrokerOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly ConnectionFactory _address;
    private readonly IConnection _connection;
    private readonly MassTransitNames _names;
    private readonly RabbitMqTopology _topology;
    private readonly CancellationTokenSource _disposing = new();
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<ConsumingBus> _buses = [];
    private readonly JobSender _sender;

    private RabbitMqTransport(
        MassTransitBrokerOptions options, ILoggerFactory loggers, ConnectionFactory address, IConnection connection, IBusControl bus)
    {
        (_options, _loggers, _logger) = (options, loggers, loggers.CreateLogger<MassTransitQueueBroker>());
        (_address, _connection, _names) = (address, connection, new MassTransitNames(options.Cluster));
        _topology = new RabbitMqTopology(connection, _names, options);
        _sender = new JobSender(bus, options.OperationTimeout);
        _buses.Add(new ConsumingBus(bus, []));
    }

    public BrokerFeatures Features => BrokerFeatures.Shared | BrokerFeatures.Durable | BrokerFeatures.Groups;

    public Durability Durability => Durability.Synced;

    /// <exception cref="BrokerException"><see cref="BrokerErrorCodes.BrokerUnavailable"/>.</exception>
    public static async Task<RabbitMqTransport> ConnectAsync(
        MassTransitBrokerOptions options, Uri url, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var address = new ConnectionFactory
        {
            Uri = url,
            ClientProvidedName = options.ConnectionName,
            RequestedHeartbeat = options.Heartbeat,
            RequestedConnectionTimeout = options.OperationTimeout,
            ContinuationTimeout = options.OperationTimeout,
            NetworkRecoveryInterval = TimeSpan.FromSeconds(1),
        };
        IConnection? connection = null;
        try
        {
            connection = await address.CreateConnectionAsync(cancellationToken).ConfigureAwait(false);
            var bus = await StartBusAsync(options, address, loggers, cancellationToken).ConfigureAwait(false);
            return new RabbitMqTransport(options, loggers, address, connection, bus);
        }
        catch (Exception exception)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            throw exception is OperationCanceledException && cancellationToken.IsCancellationRequested
                ? exception
                : RabbitMqTopology.Unavailable($"RabbitMQ at {url.Host}:{address.Port} cannot be reached", exception);
        }
    }

    public async Task EnqueueAsync(string queue, Job job, CancellationToken cancellationToken)
    {
        await _topology.EnsureQueueAsync(queue, cancellationToken).ConfigureAwait(false);
        await SendAsync(_names.Entry(queue), job, static _ => { }, cancellationToken).ConfigureAwait(false);
    }

    public Task ReturnAsync(string queue, string group, Job job)
    {
        var delay = job.Due - DateTimeOffset.UtcNow;
        return delay > TimeSpan.Zero
            ? WaitAsync(queue, group, job, delay.Value)
            : SendAsync(_names.Jobs(queue, group), job with { Due = null }, static _ => { }, default);
    }

    public Task BuryAsync(string queue, string group, Job job, AttemptFailure reason) => SendAsync(
        _names.Dead(queue, group), job, context => FaultHeaders.Write(context.Headers, reason, _names.Jobs(queue, group), job.Attempts), default);

    public async Task<IAsyncDisposable> ConsumeAsync(GroupConsumer consumer, CancellationToken cancellationToken)
    {
        var (queue, group) = (consumer.Subscription.Queue, consumer.Subscription.Group);
        if (await _topology.BindAsync(queue, group, cancellationToken).ConfigureAwait(false))
        {
            _ = SweepLaterAsync(queue, group);
        }

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var jobs = _names.Jobs(queue, group);
            var bus = _buses.Find(each => !each.Queues.Contains(jobs));
            if (bus is null)
            {
                bus = new ConsumingBus(await StartBusAsync(_options, _address, _loggers, cancellationToken).ConfigureAwait(false), []);
                _buses.Add(bus);
            }

            var handle = bus.Bus.ConnectReceiveEndpoint(jobs, endpoint => Configure(endpoint, consumer));
            bus.Queues.Add(jobs);
            var consuming = new Consuming(this, bus, jobs, handle);
            try
            {
                await handle.Ready.WaitAsync(_options.OperationTimeout, cancellationToken).ConfigureAwait(false);
                return consuming;
            }
            catch (Exception exception)
            {
                _ = consuming.DisposeAsync().AsTask();
                throw exception is OperationCanceledException && cancellationToken.IsCancellationRequested
                    ? exception
                    : RabbitMqTopology.Unavailable($"RabbitMQ does not let '{jobs}' be consumed", exception);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public Task<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken) =>
        _topology.RemoveAsync(queue, group, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        using var patience = new CancellationTokenSource(_options.OperationTimeout);
        try
        {
            await Task.WhenAll(_buses.Select(each => each.Bus.StopAsync(patience.Token))).ConfigureAwait(false);
            await _connection.CloseAsync(patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (RabbitMqTopology.IsFailure(exception))
        {
            _logger.CloseFailed(exception.Message);
        }

        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Makes a bus without a container: MassTransit's usage telemetry comes with its integration into containers.</summary>
    private static async Task<IBusControl> StartBusAsync(
        MassTransitBrokerOptions options, ConnectionFactory address, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        LogContext.ConfigureCurrentLogContext(loggers);
        var bus = Bus.Factory.CreateUsingRabbitMq(configure => configure.Host(
            address.HostName,
            (ushort)(address.Port > 0 ? address.Port : address.Ssl.Enabled ? 5671 : 5672),
            address.VirtualHost,
            options.ConnectionName,
            host =>
            {
                host.Username(address.UserName);
                host.Password(address.Password);
                host.Heartbeat(options.Heartbeat);
                host.PublisherConfirmation = true;
                if (address.Ssl.Enabled)
                {
                    host.UseSsl(ssl => ssl.ServerName = address.HostName);
                }
            }));
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.OperationTimeout);
        await bus.StartAsync(patience.Token).ConfigureAwait(false);
        return bus;
    }

    /// <summary>How often the message was delivered before without a verdict, as the broker counts; at least once when it says that it was.</summary>
    private static int LostDeliveries(ReceiveContext context) => Math.Max(
        context.TransportHeaders.TryGetHeader("x-delivery-count", out var count) ? Convert.ToInt32(count, CultureInfo.InvariantCulture) : 0,
        context.Redelivered ? 1 : 0);

    private void Configure(IReceiveEndpointConfigurator endpoint, GroupConsumer consumer)
    {
        new ReceiveFilter((job, context) => TakeAsync(consumer, job, context), consumer.BuryUnreadableAsync).AddTo(endpoint);
        endpoint.PrefetchCount = consumer.Subscription.Concurrency;
        endpoint.ConcurrentMessageLimit = consumer.Subscription.Concurrency;
        foreach (var (name, value) in _topology.JobsArguments)
        {
            ((IRabbitMqReceiveEndpointConfigurator)endpoint).SetQueueArgument(name, value!);
        }
    }

    private static async Task TakeAsync(GroupConsumer consumer, Job job, ReceiveContext context)
    {
        // Never disposed of: the handler may outlast the delivery.
        var lost = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        var channel = context.GetPayload<ChannelContext>().Channel;
        channel.ChannelShutdownAsync += OnShutdown;
        try
        {
            await consumer.DeliverAsync(job.AfterLost(LostDeliveries(context), DateTimeOffset.UtcNow), lost.Token).ConfigureAwait(false);
        }
        finally
        {
            channel.ChannelShutdownAsync -= OnShutdown;
        }

        Task OnShutdown(object sender, ShutdownEventArgs reason) => lost.CancelAsync();
    }

    /// <summary>Lets a job wait for the longest step that is not too long; if then it is still early, it waits for another one.</summary>
    private async Task WaitAsync(string queue, string group, Job job, TimeSpan delay)
    {
        var step = await _topology.EnsureWaitAsync(delay).ConfigureAwait(false);
        await SendAsync(_names.Later(queue, group), job, context => context.Headers.Set(RabbitMqTopology.WaitHeader, step), default).ConfigureAwait(false);
    }

    private async Task SendAsync(string exchange, Job job, Action<SendContext> configure, CancellationToken cancellationToken)
    {
        try
        {
            await _sender.SendAsync(
                $"exchange:{exchange}",
                job,
                context =>
                {
                    // What reaches no queue comes back, instead of being lost.
                    context.GetPayload<RabbitMqSendContext>().Mandatory = true;
                    configure(context);
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
        {
            _topology.Forget(); // something may be gone
            throw;
        }
    }

    /// <summary>What is left behind when the first group is bound comes within moments; each later binding looks for it as well.</summary>
    private async Task SweepLaterAsync(string queue, string group)
    {
        foreach (var pause in RabbitMqTopology.SweepPauses)
        {
            try
            {
                await Task.Delay(pause, _disposing.Token).ConfigureAwait(false);
                await _topology.SweepAsync(queue, group, _disposing.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is BrokerException || RabbitMqTopology.IsFailure(exception))
            {
                if (_disposing.IsCancellationRequested)
                {
                    return;
                }

                _logger.SweepFailed(queue, exception.Message);
            }
        }
    }

    /// <summary>A bus and the queues that it consumes.</summary>
    private sealed record ConsumingBus(IBusControl Bus, HashSet<string> Queues);

    private sealed class Consuming(RabbitMqTransport transport, ConsumingBus bus, string jobs, HostReceiveEndpointHandle handle) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            try
            {
                await handle.StopAsync().ConfigureAwait(false);
            }
            catch (Exception exception) when (RabbitMqTopology.IsFailure(exception))
            {
                transport._logger.CloseFailed(exception.Message);
            }

            await transport._gate.WaitAsync().ConfigureAwait(false);
            bus.Queues.Remove(jobs);
            transport._gate.Release();
        }
    }
}
