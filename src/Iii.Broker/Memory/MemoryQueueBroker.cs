using System.Collections.Concurrent;
using System.Collections.Frozen;

namespace Iii.Broker.Memory;

/// <summary>The queues of one instance in a <see cref="MemoryWorld"/>, with every feature but durability.</summary>
/// <param name="world">Where the instances meet.</param>
/// <param name="link">This instance's cable; null for one that is never cut.</param>
public sealed class MemoryQueueBroker(MemoryWorld world, MemoryLink? link = null)
    : IQueueBroker, IDeadLetters, IMessageCancellation, IQueueInspection
{
    private readonly MemoryLink _link = link ?? new MemoryLink();
    private readonly ConcurrentDictionary<MemoryConsumer, byte> _consumers = [];
    private volatile bool _isDisposed;

    /// <inheritdoc/>
    public BrokerFeatures Features =>
        BrokerFeatures.Shared | BrokerFeatures.OrderingKeys | BrokerFeatures.Delay | BrokerFeatures.Priority
        | BrokerFeatures.Deduplication | BrokerFeatures.Groups | BrokerFeatures.Cancellation | BrokerFeatures.CancellationOfWaiting | BrokerFeatures.DeadLetters
        | BrokerFeatures.Inspection;

    /// <inheritdoc/>
    public BrokerLimits Limits => world.Options.Limits;

    /// <inheritdoc/>
    public ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= EnqueueOptions.None;
        BrokerGuard.CheckEnqueue(this, queue, message, options);
        CheckOpen(cancellationToken);
        var now = world.Clock.UtcNow;
        var stored = new StoredMessage(
            Guid.CreateVersion7(now).ToString("N"),
            message.Payload.ToArray(),
            message.Headers.Count == 0 ? FrozenDictionary<string, string>.Empty : new Dictionary<string, string>(message.Headers),
            options.OrderingKey,
            options.Priority,
            now);
        return ValueTask.FromResult(world.Queues.GetOrAdd(queue).Enqueue(stored, options));
    }

    /// <inheritdoc/>
    public ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        ArgumentNullException.ThrowIfNull(handler);
        CheckOpen(cancellationToken);
        var queue = world.Queues.GetOrAdd(subscription.Queue);
        var consumer = new MemoryConsumer(this, world, _link, queue, subscription, handler);
        queue.Bind(consumer);
        _consumers[consumer] = 0;
        return ValueTask.FromResult<IAsyncDisposable>(consumer);
    }

    /// <inheritdoc/>
    public ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Find(queue, group, cancellationToken)?.RemoveGroup(group) ?? false);

    /// <inheritdoc/>
    public ValueTask<Page<DeadLetterRecord>> ListAsync(
        string queue, string group, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        return ValueTask.FromResult(Find(queue, group, cancellationToken)?.ListDead(group, page) ?? new Page<DeadLetterRecord>([], null));
    }

    /// <inheritdoc/>
    public ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Find(queue, group, cancellationToken)?.Redrive(group, messageId) ?? false);

    /// <inheritdoc/>
    public ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Find(queue, group, cancellationToken)?.Discard(group, messageId) ?? false);

    /// <inheritdoc/>
    public ValueTask<bool> CancelAsync(string queue, string messageId, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Find(queue, QueueSubscription.DefaultGroup, cancellationToken)?.Cancel(messageId) ?? false);

    /// <inheritdoc/>
    public ValueTask<Page<string>> ListQueuesAsync(PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        CheckOpen(cancellationToken);
        return ValueTask.FromResult(world.Queues.List(page));
    }

    /// <inheritdoc/>
    public ValueTask<QueueStats?> GetStatsAsync(string queue, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Find(queue, QueueSubscription.DefaultGroup, cancellationToken)?.GetStats());

    /// <summary>Ends the consumers of this broker, in parallel, as disposing each would.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_consumers.Keys.Select(consumer => consumer.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    internal void Forget(MemoryConsumer consumer) => _consumers.TryRemove(consumer, out _);

    private MemoryQueue? Find(string queue, string group, CancellationToken cancellationToken)
    {
        BrokerNames.CheckName("queue", queue);
        BrokerNames.CheckName("group", group);
        CheckOpen(cancellationToken);
        return world.Queues.Find(queue);
    }

    private void CheckOpen(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _link.Check(cancellationToken);
    }
}
