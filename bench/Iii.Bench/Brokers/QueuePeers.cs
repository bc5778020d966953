using Iii.Adapters.RabbitMq;
using Iii.Adapters.Redis;
using Iii.Adapters.Sqlite;
using Iii.Bench.Processes;
using Iii.Broker;
using Iii.Broker.Memory;

namespace Iii.Bench.Brokers;

/// <summary>The queues that can be measured, by name; each with the raw one that it is compared with.</summary>
internal static class QueuePeers
{
    public const string RawSuffix = "-raw";

    /// <summary>The adapter, with jobs handled in order.</summary>
    public const string OrderedSuffix = "-fifo";

    /// <summary>An engine, whose worker address is the URL.</summary>
    public const string Engine = "engine";

    /// <summary>MassTransit on RabbitMQ.</summary>
    public const string MassTransit = "masstransit";

    public const string Memory = "memory";
    public const string Embedded = "embedded";
    private const string Redis = "redis";
    private const string RabbitMq = "rabbitmq";

    /// <summary>Keys of the ordered ones.</summary>
    private const int Keys = 1_000;

    public static string[] Adapters => [Memory, Embedded, Redis, RabbitMq];

    /// <summary>Whether there is a broker to be named by its URL.</summary>
    public static bool IsServer(string adapter) => adapter is Redis or RabbitMq;

    /// <summary>Whether the broker has a client that the adapter can be compared with.</summary>
    public static bool HasRaw(string adapter) => adapter != Memory;

    public static async Task<IQueuePeer> ConnectAsync(string name, string url) => name switch
    {
        Engine => await EngineQueuePeer.ConnectAsync(url),
        Embedded + RawSuffix => await SqliteQueuePeer.OpenAsync(),
        Redis + RawSuffix => await RawRedisQueuePeer.ConnectAsync(url),
        MassTransit => await MassTransitQueuePeer.ConnectAsync(url),
        RabbitMq + RawSuffix => await RawRabbitQueuePeer.ConnectAsync(url),
        _ when name.EndsWith(OrderedSuffix, StringComparison.Ordinal) => await ConnectAsync(name[..^OrderedSuffix.Length], url, Keys),
        _ => await ConnectAsync(name, url, keys: 0),
    };

    /// <summary>The queues of an adapter, and what they run on.</summary>
    public static async Task<(IQueueBroker Queues, IAsyncDisposable? Connection)> OpenAsync(string adapter, string url, string folder)
    {
        switch (adapter)
        {
            case Memory:
                return (new MemoryQueueBroker(new MemoryWorld()), null);
            case Embedded:
                var file = await SqliteBroker.OpenAsync(new SqliteBrokerOptions { Folder = folder });
                return (file.Queues, file);
            case Redis:
                var redis = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = url, Cluster = "bench" });
                return (await RedisQueueBroker.CreateAsync(redis), redis);
            case RabbitMq:
                var rabbit = await RabbitMqConnection.ConnectAsync(new RabbitMqBrokerOptions { Url = url, Cluster = "bench" });
                return (await RabbitMqQueueBroker.CreateAsync(rabbit), rabbit);
            default:
                throw new InvalidOperationException($"There is no queue '{adapter}'. Known: {string.Join(", ", Adapters)}.");
        }
    }

    private static async Task<IQueuePeer> ConnectAsync(string adapter, string url, int keys)
    {
        var folder = new WorkFolder();
        var (queues, connection) = await OpenAsync(adapter, url, folder.Path);
        return new AdapterQueuePeer(queues, connection, folder, keys);
    }
}
