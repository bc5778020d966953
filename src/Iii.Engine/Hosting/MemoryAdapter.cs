using Iii.Broker.Memory;

namespace Iii.Engine.Hosting;

/// <summary>
/// The broker within this process, which every host has. Without a world each connection gets one of its own, so that the engine is
/// one instance; hosts that are given the same world are a cluster.
/// </summary>
/// <param name="world">Where the instances meet; null for a world of one's own.</param>
public sealed class MemoryAdapter(MemoryWorld? world = null) : IBrokerAdapter
{
    /// <inheritdoc/>
    public string Name => BrokerOptions.MemoryAdapter;

    /// <inheritdoc/>
    public ValueTask<BrokerSeams> ConnectAsync(
        BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(environment);
        new BrokerSettings(options).Check();
        var place = world ?? new MemoryWorld(time: environment.Time);
        return ValueTask.FromResult(new BrokerSeams
        {
            Bus = world is null ? null : new MemoryMessageBus(world),
            Queues = new MemoryQueueBroker(place),
            State = new MemoryStateStore(place),
            Leases = new MemoryLeaseProvider(place),
        });
    }
}
