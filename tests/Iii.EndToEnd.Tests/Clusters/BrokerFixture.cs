using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Clusters;

/// <summary>One broker for the tests of a class, which may stop and start it.</summary>
public abstract class BrokerFixture(string adapter) : IAsyncLifetime
{
    internal ClusterBroker Broker { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Broker = await ClusterBroker.StartAsync(adapter);

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Stops it as an operator does.</summary>
    internal async Task StopBrokerAsync()
    {
        if (Broker.Server is RedisServer redis)
        {
            redis.Stop();
        }
        else
        {
            await ((RabbitMqServer)Broker.Server).StopAsync();
        }
    }

    /// <summary>Starts it again, with its data and on its port.</summary>
    internal Task StartBrokerAsync() =>
        Broker.Server is RedisServer redis ? redis.StartAsync() : ((RabbitMqServer)Broker.Server).StartAsync();
}

/// <summary>A Redis.</summary>
public sealed class RedisFixture() : BrokerFixture(ClusterBroker.Redis);

/// <summary>A RabbitMQ.</summary>
public sealed class RabbitMqFixture() : BrokerFixture(ClusterBroker.RabbitMq);
