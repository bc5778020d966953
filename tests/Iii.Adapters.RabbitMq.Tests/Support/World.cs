using Iii.TestServers;

namespace Iii.Adapters.RabbitMq.Tests.Support;

/// <summary>A cluster of instances on one server; each instance can be cut off.</summary>
internal sealed class World(RabbitMqServer server) : IAsyncDisposable
{
    private readonly List<Instance> _instances = [];

    /// <summary>Options that make losses show soon.</summary>
    public RabbitMqBrokerOptions Options { get; init; } = new()
    {
        Url = "amqp://nowhere",
        Cluster = $"t{Guid.NewGuid():N}"[..20],
        Heartbeat = TimeSpan.FromSeconds(2),
        OperationTimeout = TimeSpan.FromSeconds(10),
        ConfirmTimeout = TimeSpan.FromSeconds(10),
        MaxReconnectPause = TimeSpan.FromMilliseconds(200),
        PreparedDelay = TimeSpan.Zero,
        DelayLead = TimeSpan.FromSeconds(1),
    };

    public async Task<Instance> OpenAsync(Func<RabbitMqBrokerOptions, RabbitMqBrokerOptions>? change = null)
    {
        var proxy = TcpProxy.Start(server.Port);
        var options = Options with { Url = $"amqp://guest:guest@127.0.0.1:{proxy.Port}/" };
        var connection = await RabbitMqConnection.ConnectAsync(change?.Invoke(options) ?? options);
        var instance = new Instance(proxy, connection);
        _instances.Add(instance);
        return instance;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in _instances)
        {
            await instance.Connection.DisposeAsync();
            await instance.Proxy.DisposeAsync();
        }
    }

    internal sealed record Instance(TcpProxy Proxy, RabbitMqConnection Connection);
}
