using Iii.Adapters.Redis;
using Iii.Engine.Hosting;

namespace Iii.Cli;

/// <summary>Redis as the broker.</summary>
internal sealed class RedisAdapter : IBrokerAdapter
{
    public string Name => "redis";

    public async ValueTask<BrokerSeams> ConnectAsync(
        BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        var connection = await RedisConnection.ConnectAsync(Read(options, environment), cancellationToken);
        try
        {
            var queues = await RedisQueueBroker.CreateAsync(connection, cancellationToken);
            return new BrokerSeams { Bus = new RedisMessageBus(connection), Queues = queues, Connection = connection };
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static RedisBrokerOptions Read(BrokerOptions options, BrokerEnvironment environment)
    {
        var settings = new BrokerSettings(options);
        var redis = new RedisBrokerOptions
        {
            Url = settings.Url("redis://[[user]:password@]host[:port][/database]"),
            Cluster = environment.ClusterName,
            LoggerFactory = environment.Loggers,
        };
        redis = redis with
        {
            Prefix = settings.Text("prefix", redis.Prefix),
            CommandTimeout = settings.Milliseconds("command_timeout_ms", redis.CommandTimeout),
            CheckInterval = settings.Milliseconds("check_interval_ms", redis.CheckInterval),
            MaxOutgoingBytes = settings.Number("max_outgoing_bytes", redis.MaxOutgoingBytes, minimum: 1),
        };
        settings.Check();
        return redis;
    }
}
