namespace Iii.Adapters.Redis.Tests;

/// <summary>The instances of one test: connections with a prefix of its own, each through a proxy that can be cut.</summary>
internal sealed class RedisInstances(RedisServer server) : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _opened = [];

    public string Prefix { get; } = $"{Guid.NewGuid():N}:";

    /// <summary>Opens one more instance.</summary>
    public async Task<(RedisConnection Connection, TcpProxy Proxy)> OpenAsync(Func<RedisBrokerOptions, RedisBrokerOptions>? configure = null)
    {
        var proxy = TcpProxy.Start(server.Port);
        _opened.Add(proxy);
        var options = new RedisBrokerOptions { Url = server.UrlAt(proxy.Port), Prefix = Prefix };
        var connection = await RedisConnection.ConnectAsync(configure?.Invoke(options) ?? options, TestContext.Current.CancellationToken);
        _opened.Add(connection);
        return (connection, proxy);
    }

    /// <summary>Opens one more bus.</summary>
    public async Task<(RedisMessageBus Bus, TcpProxy Proxy)> OpenBusAsync(Func<RedisBrokerOptions, RedisBrokerOptions>? configure = null)
    {
        var (connection, proxy) = await OpenAsync(configure);
        var bus = new RedisMessageBus(connection);
        _opened.Add(bus);
        return (bus, proxy);
    }

    /// <summary>Opens the queues of one more instance.</summary>
    public async Task<(RedisQueueBroker Broker, TcpProxy Proxy)> OpenQueuesAsync(Func<RedisBrokerOptions, RedisBrokerOptions>? configure = null)
    {
        var (connection, proxy) = await OpenAsync(configure);
        var broker = await RedisQueueBroker.CreateAsync(connection, TestContext.Current.CancellationToken);
        _opened.Add(broker);
        return (broker, proxy);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var opened in Enumerable.Reverse(_opened))
        {
            await opened.DisposeAsync();
        }
    }
}
