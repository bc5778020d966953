using Iii.TestServers;

namespace Iii.Adapters.MassTransit.Tests.Support;

/// <summary>A cluster of instances on one server; each instance can be cut off.</summary>
internal sealed class World(RabbitMqServer server) : IAsyncDisposable
{
    private readonly List<Instance> _instances = [];

    public string Cluster { get; } = $"t{Guid.NewGuid():N}"[..20];

    public async Task<Instance> OpenAsync(Func<MassTransitBrokerOptions, MassTransitBrokerOptions>? change = null)
    {
        var proxy = TcpProxy.Start(server.Port);
        var options = new MassTransitBrokerOptions
        {
            Url = $"amqp://guest:guest@127.0.0.1:{proxy.Port}/",
            Cluster = Cluster,
            Heartbeat = TimeSpan.FromSeconds(2),
            OperationTimeout = TimeSpan.FromSeconds(8),
        };
        var instance = new Instance(proxy, await MassTransitQueueBroker.ConnectAsync(change?.Invoke(options) ?? options));
        _instances.Add(instance);
        return instance;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in _instances)
        {
            await instance.Broker.DisposeAsync();
            await instance.Proxy.DisposeAsync();
        }
    }

    internal sealed record Instance(TcpProxy Proxy, MassTransitQueueBroker Broker);
}
