using Iii.Adapters.Redis;

namespace Iii.Bench.Brokers;

/// <summary>The queues that can be measured, by name; each with the raw one that it is compared with.</summary>
internal static class QueuePeers
{
    public const string RawSuffix = "-raw";

    public static string[] Adapters => ["redis"];

    public static async Task<IQueuePeer> ConnectAsync(string name, string url) => name switch
    {
        "redis" => await ConnectRedisAsync(url),
        "redis" + RawSuffix => await RawRedisQueuePeer.ConnectAsync(url),
        _ => throw new InvalidOperationException($"There is no queue '{name}'. Known: {string.Join(", ", Adapters)}, each also with {RawSuffix}."),
    };

    private static async Task<IQueuePeer> ConnectRedisAsync(string url)
    {
        var connection = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = url, Cluster = "bench" });
        return new AdapterQueuePeer(await RedisQueueBroker.CreateAsync(connection), connection);
    }
}
