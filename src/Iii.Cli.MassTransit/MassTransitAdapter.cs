using Iii.Adapters.MassTransit;
using Iii.Engine.Hosting;

namespace Iii.Cli.MassTransit;

/// <summary>MassTransit as the place of jobs. It has no bus: instances meet over another broker.</summary>
public sealed class MassTransitAdapter : IBrokerAdapter
{
    /// <summary>AMQP counts heartbeats in whole seconds.</summary>
    private const int ShortestHeartbeatMs = 1_000;

    /// <inheritdoc/>
    public string Name => "masstransit";

    /// <inheritdoc/>
    public async ValueTask<BrokerSeams> ConnectAsync(
        BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        return new BrokerSeams
        {
            Queues = await MassTransitQueueBroker.ConnectAsync(Read(options, environment), environment.Loggers, cancellationToken),
        };
    }

    private static MassTransitBrokerOptions Read(BrokerOptions options, BrokerEnvironment environment)
    {
        var settings = new BrokerSettings(options);
        var masstransit = new MassTransitBrokerOptions
        {
            Url = settings.Url("amqp://user:password@host:5672/vhost"),
            Cluster = environment.ClusterName,
            ConnectionName = $"iii {environment.InstanceName}",
        };
        masstransit = masstransit with
        {
            Heartbeat = settings.Milliseconds("heartbeat_ms", masstransit.Heartbeat, ShortestHeartbeatMs),
            OperationTimeout = settings.Milliseconds("operation_timeout_ms", masstransit.OperationTimeout),
        };
        settings.Check();
        return masstransit;
    }
}
