using Iii.Broker;
using Iii.Broker.Memory;

namespace Iii.Engine.Tests.Support;

/// <summary>Queues in memory that lack features, and refuse what needs them as every adapter does.</summary>
internal sealed class RestrictedQueueBroker(BrokerFeatures missing) : IQueueBroker
{
    private readonly MemoryQueueBroker _inner = new(new MemoryWorld());

    public BrokerFeatures Features => _inner.Features & ~missing;

    public BrokerLimits Limits => _inner.Limits;

    public bool IsDisposed { get; private set; }

    public ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckEnqueue(this, queue, message, options ?? EnqueueOptions.None);
        return _inner.EnqueueAsync(queue, message, options, cancellationToken);
    }

    public ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        return _inner.ConsumeAsync(subscription, handler, cancellationToken);
    }

    public ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default) =>
        _inner.RemoveGroupAsync(queue, group, cancellationToken);

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return _inner.DisposeAsync();
    }
}
