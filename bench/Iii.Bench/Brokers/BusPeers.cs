using Iii.Adapters.RabbitMq;
using Iii.Adapters.Redis;

namespace Iii.Bench.Brokers;

/// <summary>The buses that can be measured, by name; each with the raw one that it is compared with.</summary>
internal static class BusPeers
{
    public const string RawSuffix = "-raw";

    public static string[] Adapters => ["redis", "rabbitmq"];

    public static async Task<IBusPeer> ConnectAsync(string name, string url) => name switch
    {
        "redis" => await ConnectRedisAsync(url),
        "redis" + RawSuffix => await RawRedisBusPeer.ConnectAsync(url),
        "rabbitmq" => await ConnectRabbitAsync(url),
        "rabbitmq" + RawSuffix => await RawRabbitBusPeer.ConnectAsync(url),
        _ => throw new InvalidOperationException($"There is no bus '{name}'. Known: {string.Join(", ", Adapters)}, each also with {RawSuffix}."),
    };

    private static async Task<IBusPeer> ConnectRedisAsync(string url)
    {
        var connection = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = url, Cluster = "bench" });
        return new AdapterBusPeer(new RedisMessageBus(connection), connection);
    }

    private static async Task<IBusPeer> ConnectRabbitAsync(string url)
    {
        var connection = await RabbitMqConnection.ConnectAsync(new RabbitMqBrokerOptions { Url = url, Cluster = "bench" });
        return new AdapterBusPeer(await RabbitMqMessageBus.CreateAsync(connection), connection);
    }
}
