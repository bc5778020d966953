using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Tests.Support;

/// <summary>What tests of queues on the shared server have in common: a cluster of their own, whose brokers they open and nobody forgets.</summary>
public abstract class QueueTests(SharedServer shared) : IAsyncDisposable
{
    private readonly List<RabbitMqQueueBroker> _brokers = [];

    protected const string Group = QueueSubscription.DefaultGroup;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected World World { get; } = new(shared.Server);

    protected string Cluster => World.Options.Cluster;

    public async ValueTask DisposeAsync()
    {
        foreach (var broker in _brokers)
        {
            await broker.DisposeAsync();
        }

        await World.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected async Task<RabbitMqQueueBroker> OpenAsync(World.Instance? instance = null)
    {
        var broker = await RabbitMqQueueBroker.CreateAsync((instance ?? await World.OpenAsync()).Connection, Cancel);
        _brokers.Add(broker);
        return broker;
    }

    /// <summary>What is ready in a queue of the broker; 0 as well when there is none.</summary>
    protected async Task<uint> CountAsync(string queue)
    {
        await using var raw = await OpenRawAsync();
        await using var channel = await raw.CreateChannelAsync(cancellationToken: Cancel);
        try
        {
            return await channel.MessageCountAsync(queue, Cancel);
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return 0;
        }
    }

    protected Task<IConnection> OpenRawAsync() => new ConnectionFactory { Uri = new Uri(shared.Server.Url) }.CreateConnectionAsync(Cancel);
}
