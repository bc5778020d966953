using Iii.Adapters.RabbitMq;

namespace Iii.Bench.Brokers;

/// <summary>The queues that can be measured, by name; each with the raw one that it is compared with.</summary>
internal static class QueuePeers
{
    /// <summary>Handlers at the same time, and jobs that are delivered ahead.</summary>
    private const int Concurrency = 256;

    public static string[] Adapters => ["rabbitmq"];

    public static async Task<IQueuePeer> StartAsync(string name, string url) => name switch
    {
        "rabbitmq" => await StartRabbitAsync(url),
        "rabbitmq" + BusPeers.RawSuffix => await RawRabbitQueuePeer.StartAsync(url, Concurrency),
        _ => throw new InvalidOperationException($"There are no queues '{name}'. Known: {string.Join(", ", Adapters)}, each also with {BusPeers.RawSuffix}."),
    };

    private static async Task<IQueuePeer> StartRabbitAsync(string url)
    {
        var connection = await RabbitMqConnection.ConnectAsync(new RabbitMqBrokerOptions { Url = url, Cluster = "bench" });
        return await AdapterQueuePeer.StartAsync(await RabbitMqQueueBroker.CreateAsync(connection), connection, Concurrency);
    }
}
