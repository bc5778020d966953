using Iii.Broker;
using Iii.Broker.Memory;

namespace Iii.Engine.Tests.Support;

/// <summary>Queues in memory that lack features, and refuse what needs them as every adapter does.</summary>
internal sealed class RestrictedQueueBroker(BrokerFeatures missing) : IQueueBroker, IDeadLetters
{
    private readonly MemoryQueueBroker _inner = new(new MemoryWorld());

    public BrokerFeatures Features => _inner.Features & ~missing;

    public BrokerLimits Limits => _inner.Limits;

    public bool IsDisposed { get; private set; }

    /// <summary>What consuming waits for before it begins, or fails.</summary>
    public Func<Task> BeforeConsuming { get; set; } = static () => Task.CompletedTask;

    /// <summary>What enqueueing waits for.</summary>
    public Func<Task> BeforeEnqueueing { get; set; } = static () => Task.CompletedTask;

    /// <summary>What disposing waits for.</summary>
    public Task BeforeDisposed { get; set; } = Task.CompletedTask;

    public async ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckEnqueue(this, queue, message, options ?? EnqueueOptions.None);
        await BeforeEnqueueing();
        return await _inner.EnqueueAsync(queue, message, options, cancellationToken);
    }

    public async ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        await BeforeConsuming();
        return await _inner.ConsumeAsync(subscription, handler, cancellationToken);
    }

    public ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default) =>
        _inner.RemoveGroupAsync(queue, group, cancellationToken);

    public ValueTask<Page<DeadLetterRecord>> ListAsync(string queue, string group, PageRequest page, CancellationToken cancellationToken = default) =>
        _inner.ListAsync(queue, group, page, cancellationToken);

    public ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        _inner.RedriveAsync(queue, group, messageId, cancellationToken);

    public ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        _inner.DiscardAsync(queue, group, messageId, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        IsDisposed = true;
        await BeforeDisposed;
        await _inner.DisposeAsync();
    }
}
