using Iii.Adapters.RabbitMq;
using Iii.Engine.Hosting;

namespace Iii.Cli;

/// <summary>RabbitMQ as the broker.</summary>
internal sealed class RabbitMqAdapter : IBrokerAdapter
{
    /// <summary>AMQP counts heartbeats in whole seconds.</summary>
    private const int ShortestHeartbeatMs = 1_000;

    public string Name => "rabbitmq";

    public async ValueTask<BrokerSeams> ConnectAsync(
        BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        var connection = await RabbitMqConnection.ConnectAsync(Read(options, environment), environment.Loggers, cancellationToken);
        try
        {
            var queues = await RabbitMqQueueBroker.CreateAsync(connection, cancellationToken);
            var bus = await RabbitMqMessageBus.CreateAsync(connection, cancellationToken);
            return new BrokerSeams { Bus = bus, Queues = queues, Connection = connection };
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static RabbitMqBrokerOptions Read(BrokerOptions options, BrokerEnvironment environment)
    {
        var settings = new BrokerSettings(options);
        var rabbit = new RabbitMqBrokerOptions
        {
            Url = settings.Url("amqp://user:password@host:5672/vhost"),
            Cluster = environment.ClusterName,
            ConnectionName = $"iii {environment.InstanceName}",
        };
        rabbit = rabbit with
        {
            Heartbeat = settings.Milliseconds("heartbeat_ms", rabbit.Heartbeat, ShortestHeartbeatMs),
            OperationTimeout = settings.Milliseconds("operation_timeout_ms", rabbit.OperationTimeout),
            ConfirmTimeout = settings.Milliseconds("confirm_timeout_ms", rabbit.ConfirmTimeout),
            StoreTimeout = settings.Milliseconds("store_timeout_ms", rabbit.StoreTimeout),
            MaxReconnectPause = settings.Milliseconds("max_reconnect_pause_ms", rabbit.MaxReconnectPause),
            MaxOutgoingBytes = settings.Number("max_outgoing_bytes", rabbit.MaxOutgoingBytes, minimum: 1),
        };
        settings.Check();
        return rabbit;
    }
}
