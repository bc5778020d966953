using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>A real broker for a <see cref="Cluster"/>, of a test's own.</summary>
/// <param name="Adapter">What the configuration calls it.</param>
/// <param name="Url">Where it is.</param>
/// <param name="Server">The server: a <see cref="RedisServer"/> or a <see cref="RabbitMqServer"/>, to be broken by tests.</param>
internal sealed record ClusterBroker(string Adapter, string Url, IAsyncDisposable Server) : IAsyncDisposable
{
    public const string Redis = "redis";
    public const string RabbitMq = "rabbitmq";

    /// <summary>Starts the server of an adapter.</summary>
    public static async Task<ClusterBroker> StartAsync(string adapter)
    {
        switch (adapter)
        {
            case Redis:
                var redis = await RedisServer.StartAsync();
                return new ClusterBroker(adapter, redis.Url, redis);
            case RabbitMq:
                var rabbit = await RabbitMqServer.StartNewAsync();
                return new ClusterBroker(adapter, rabbit.Url, rabbit);
            default:
                throw new ArgumentException($"There is no server for the adapter '{adapter}'.", nameof(adapter));
        }
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
