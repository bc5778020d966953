using System.Collections.Concurrent;
using System.Globalization;
using Iii.Adapters.Sqlite.Queues;
using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;

namespace Iii.Adapters.Sqlite;

/// <summary>The queues of a <see cref="SqliteBroker"/>, with every feature but sharing.</summary>
/// <remarks>
/// <para>
/// There are no leases that run out: this process is the only one that handles its messages, so it knows which are being handled. When
/// it has been killed, the next one delivers those again at once, each in its place, as the next attempt.
/// </para>
/// <para>
/// At most some thousand calls wait for the file; whoever makes one more waits to hand it in. A call that was handed in is ended by
/// its token as long as it waits; after that its outcome comes with the commit under way.
/// </para>
/// <para>A page of dead letters may have fewer items than were asked for: it ends when it has 16 MiB of payload.</para>
/// </remarks>
public sealed class SqliteQueueBroker : IQueueBroker, IDeadLetters, IQueueInspection, IMessageCancellation
{
    /// <summary>
    /// Code of the last failure of a message whose record in the file cannot be read: it becomes a dead letter, with everything of it
    /// that can.
    /// </summary>
    public const string UndecodableMessage = "undecodable_message";

    private readonly QueueStore _store;
    private readonly Writer _writer;
    private readonly ConcurrentDictionary<SqliteConsumer, byte> _consumers = [];
    private volatile bool _isDisposed;

    internal SqliteQueueBroker(QueueStore store, Writer writer) => (_store, _writer) = (store, writer);

    /// <inheritdoc/>
    public BrokerFeatures Features =>
        BrokerFeatures.Durable | BrokerFeatures.OrderingKeys | BrokerFeatures.Delay | BrokerFeatures.Priority
        | BrokerFeatures.Deduplication | BrokerFeatures.Groups | BrokerFeatures.Cancellation | BrokerFeatures.CancellationOfWaiting | BrokerFeatures.DeadLetters
        | BrokerFeatures.Inspection;

    /// <inheritdoc/>
    public BrokerLimits Limits => _store.Limits;

    /// <inheritdoc/>
    public ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= EnqueueOptions.None;
        BrokerGuard.CheckEnqueue(this, queue, message, options);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _writer.RequestAsync(new EnqueueOperation(_store, queue, message, options), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        ArgumentNullException.ThrowIfNull(handler);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var consumer = new SqliteConsumer(_store, _writer, subscription, handler, Forget);
        _consumers[consumer] = 0;
        try
        {
            return await _writer.RequestAsync(new JoinOperation(_store, consumer), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Forget(consumer);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default) =>
        CallAsync(queue, group, () => _store.Find(queue)?.RemoveGroup(group) ?? false, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Page<DeadLetterRecord>> ListAsync(
        string queue, string group, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        var after = page.After is null ? 0 : long.Parse(page.After, CultureInfo.InvariantCulture);
        return CallAsync(queue, group, () => _store.ListDead(queue, group, after, page.Limit), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        CallAsync(
            queue,
            group,
            () => MessageIds.Parse(_store.FileId, messageId) is { } number && (_store.Find(queue)?.Find(group)?.Redrive(number) ?? false),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        CallAsync(
            queue,
            group,
            () => MessageIds.Parse(_store.FileId, messageId) is { } number && (_store.Find(queue)?.Find(group)?.Discard(number) ?? false),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> CancelAsync(string queue, string messageId, CancellationToken cancellationToken = default) =>
        CallAsync(
            queue,
            QueueSubscription.DefaultGroup,
            () => MessageIds.Parse(_store.FileId, messageId) is { } number && (_store.Find(queue)?.Cancel(number) ?? false),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Page<string>> ListQueuesAsync(PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _writer.RequestAsync(new CallOperation<Page<string>>(() => _store.ListQueues(page)), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<QueueStats?> GetStatsAsync(string queue, CancellationToken cancellationToken = default) =>
        CallAsync(queue, QueueSubscription.DefaultGroup, () => _store.Find(queue)?.GetStats(), cancellationToken);

    /// <summary>Ends the consumers, in parallel, as disposing each would. The file stays open: it is the <see cref="SqliteBroker"/>'s.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_consumers.Keys.Select(consumer => consumer.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    private void Forget(SqliteConsumer consumer) => _consumers.TryRemove(consumer, out _);

    private ValueTask<T> CallAsync<T>(string queue, string group, Func<T> call, CancellationToken cancellationToken)
    {
        BrokerNames.CheckName("queue", queue);
        BrokerNames.CheckName("group", group);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _writer.RequestAsync(new CallOperation<T>(call), cancellationToken);
    }
}
