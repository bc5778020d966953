using Iii.Broker;

namespace Iii.Engine.Hosting;

/// <summary>What an adapter provides once it is connected. An adapter without a seam leaves it out.</summary>
public sealed class BrokerSeams : IAsyncDisposable
{
    /// <summary>Carries frames between the instances; null when there can be no other instance.</summary>
    public IMessageBus? Bus { get; init; }

    /// <summary>Keeps jobs; null when the adapter has no queues.</summary>
    public IQueueBroker? Queues { get; init; }

    /// <summary>Keeps values; null when the adapter has no state.</summary>
    public IStateStore? State { get; init; }

    /// <summary>Gives leases; null when the adapter has none.</summary>
    public ILeaseProvider? Leases { get; init; }

    /// <summary>What the seams share, such as a connection; null when there is nothing.</summary>
    public IAsyncDisposable? Connection { get; init; }

    /// <summary>
    /// Disposes of the seams, those with work under way first, and then of what they share. May be called again.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        IAsyncDisposable?[] parts = [Queues, Leases, State, Bus, Connection];
        foreach (var part in parts)
        {
            if (part is not null)
            {
                await part.DisposeAsync();
            }
        }
    }
}
