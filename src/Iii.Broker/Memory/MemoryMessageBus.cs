using System.Collections.Concurrent;

namespace Iii.Broker.Memory;

/// <summary>The message bus of one instance in a <see cref="MemoryWorld"/>.</summary>
/// <param name="world">Where the instances meet.</param>
/// <param name="link">This instance's cable; null for one that is never cut.</param>
public sealed class MemoryMessageBus(MemoryWorld world, MemoryLink? link = null) : IMessageBus
{
    private readonly MemoryLink _link = link ?? new MemoryLink();
    private readonly ConcurrentDictionary<MemorySubscription, byte> _subscriptions = [];
    private volatile bool _isDisposed;

    /// <inheritdoc/>
    public BrokerFeatures Features => BrokerFeatures.Shared;

    /// <inheritdoc/>
    public BrokerLimits Limits => world.Options.Limits;

    /// <inheritdoc/>
    public ValueTask<PublishOutcome> PublishAsync(string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckPublish(this, subject, frame.Length);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _link.Check(cancellationToken);
        var subscriptions = world.Subjects.Find(subject);
        if (subscriptions.Length == 0)
        {
            return ValueTask.FromResult(PublishOutcome.NobodyListens);
        }

        ReadOnlyMemory<byte> copy = frame.ToArray();
        var outcome = PublishOutcome.NobodyListens;
        foreach (var subscription in subscriptions)
        {
            if (subscription.Offer(copy))
            {
                outcome = PublishOutcome.Sent;
            }
        }

        return ValueTask.FromResult(outcome);
    }

    /// <inheritdoc/>
    public ValueTask<IAsyncDisposable> SubscribeAsync(string subject, BusHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerNames.CheckName("subject", subject);
        ArgumentNullException.ThrowIfNull(handler);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _link.Check(cancellationToken);
        var subscription = new MemorySubscription(this, world, _link, subject, handler);
        world.Subjects.Add(subscription);
        _subscriptions[subscription] = 0;
        subscription.Start();
        return ValueTask.FromResult<IAsyncDisposable>(subscription);
    }

    /// <summary>Ends the subscriptions of this bus, in parallel, as disposing each would.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_subscriptions.Keys.Select(subscription => subscription.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    internal void Forget(MemorySubscription subscription) => _subscriptions.TryRemove(subscription, out _);
}
