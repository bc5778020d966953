using System.Collections.Concurrent;
using System.Collections.ObjectModel;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Adapters.RabbitMq.Queues;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq;

/// <summary>The queues of one instance on RabbitMQ: quorum queues, confirmed publishes, and no plugin.</summary>
/// <remarks>
/// <para>
/// A receipt means that a majority of the replicas has synced the message to disk. Delays, of messages and between attempts, are
/// held by the broker: far from their end in a chain of queues with a time to live each, and from about a minute before it
/// in queues that one of the instances reads, which publishes each message when it is due, by its own clock: the clocks of instances should agree. That instance
/// holds up to 120,000 messages and 256 MiB; what lies behind them may be late.
/// </para>
/// <para>
/// <see cref="BrokerLimits.MaxQueueLength"/> counts what waits, not what is delayed, delivered or dead. It is written into a queue
/// when that is made; a queue that exists keeps the bound that it was made with. A delayed message that falls due while its group is
/// full waits on until there is room. One that is enqueued while there is no group comes to the groups that are bound when it falls due.
/// </para>
/// <para>
/// A broker before version 3.11.15 closes a channel that keeps a message unacknowledged for longer than its <c>consumer_timeout</c>, 30
/// minutes if nobody has changed it: a handler, or in order the pause between two attempts, that takes longer is started again.
/// Raise the timeout there for such work; later brokers are asked for 24 days. <see cref="QueueSubscription.LeaseTime"/> is not needed: a broken connection gives its messages back at once, and a
/// silent one after about twice <see cref="RabbitMqBrokerOptions.Heartbeat"/>.
/// </para>
/// <para>
/// With <see cref="QueueOrdering.PerKey"/> one instance at a time consumes a group, with its concurrency over the keys; the others wait.
/// Between two attempts it keeps what it knows of a message. When its turn ends meanwhile it hands that over, and the next attempt comes at
/// once; when it vanishes, or loses the broker, the attempts that it knew of count as one, lost.
/// </para>
/// <para>
/// A queue is never removed, and counts towards <see cref="BrokerLimits.MaxNames"/>. A removed group leaves behind what waits for a time;
/// when it is due it comes to nobody.
/// </para>
/// </remarks>
public sealed class RabbitMqQueueBroker : IQueueBroker, IDeadLetters, IMessageCancellation, IBrokerConnection
{
    private static readonly TimeSpan[] SweepPauses = [TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20)];

    private readonly RabbitMqConnection _connection;
    private readonly CancellationTokenSource _disposing = new();
    private readonly QueuePublisher _publisher;
    private readonly DelayKeeper _delays;
    private readonly DelayCancellation _cancellation;
    private readonly QueueTopology _topology;
    private readonly QueueStore _store;
    private readonly AttemptNotes _notes;
    private readonly DeadLetters _deadLetters;
    private readonly ConcurrentDictionary<GroupConsumer, byte> _consumers = [];
    private readonly Lazy<Task> _dispose;
    private volatile bool _isDisposed;

    private RabbitMqQueueBroker(RabbitMqConnection connection, QueuePublisher publisher, DelaySteps steps, DelayKeeper delays)
    {
        (_connection, _publisher, _delays) = (connection, publisher, delays);
        _cancellation = new DelayCancellation(connection, publisher, steps);
        _topology = new QueueTopology(connection, publisher, steps);
        _store = new QueueStore(connection, publisher, _topology, steps);
        _notes = new AttemptNotes(connection, publisher);
        _deadLetters = new DeadLetters(connection);
        _dispose = new Lazy<Task>(CloseAsync);
    }

    /// <inheritdoc/>
    public event Action? ConnectionChanged
    {
        add => _connection.ConnectionChanged += value;
        remove => _connection.ConnectionChanged -= value;
    }

    /// <inheritdoc/>
    public bool IsConnected => _connection.IsConnected;

    /// <inheritdoc/>
    public BrokerFeatures Features =>
        BrokerFeatures.Shared | BrokerFeatures.Durable | BrokerFeatures.OrderingKeys | BrokerFeatures.Delay | BrokerFeatures.Groups
        | BrokerFeatures.Cancellation | BrokerFeatures.DeadLetters | BrokerFeatures.OrderedInTurn;

    /// <inheritdoc/>
    public BrokerLimits Limits => _connection.Options.Limits;

    /// <summary>Makes the queues of an instance.</summary>
    /// <param name="connection">Its connection, which outlives the queues.</param>
    /// <param name="cancellationToken">Ends the waiting for the broker.</param>
    /// <exception cref="BrokerException"><see cref="BrokerErrorCodes.BrokerUnavailable"/>.</exception>
    public static async Task<RabbitMqQueueBroker> CreateAsync(RabbitMqConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        var publisher = await QueuePublisher.CreateAsync(connection, cancellationToken).ConfigureAwait(false);
        try
        {
            var steps = new DelaySteps(connection, publisher);
            var delays = await DelayKeeper.CreateAsync(connection, publisher, steps, cancellationToken).ConfigureAwait(false);
            return new RabbitMqQueueBroker(connection, publisher, steps, delays);
        }
        catch
        {
            await publisher.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= EnqueueOptions.None;
        BrokerGuard.CheckEnqueue(this, queue, message, options);
        CheckOpen(cancellationToken);
        var now = DateTimeOffset.UtcNow;
        var record = new QueueRecord
        {
            MessageId = MessageIds.New(now, options.Delay),
            EnqueuedAt = now,
            Headers = message.Headers.Count == 0 ? ReadOnlyDictionary<string, string>.Empty : message.Headers,
            Payload = message.Payload,
            OrderingKey = options.OrderingKey,
        };
        await Guarding.AskAsync("take the message", () => _store.EnqueueAsync(queue, record, options.Delay, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        return new EnqueueReceipt(record.MessageId, Durability.Synced);
    }

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        ArgumentNullException.ThrowIfNull(handler);
        CheckOpen(cancellationToken);
        await Guarding.AskAsync("bind the group", () => BindAsync(subscription, cancellationToken), cancellationToken).ConfigureAwait(false);
        GroupConsumer consumer = subscription.Ordering == QueueOrdering.PerKey
            ? new OrderedConsumer(_connection, _store, _notes, subscription, handler) { Disposed = Forget }
            : new PlainConsumer(_connection, _store, subscription, handler) { Disposed = Forget };
        await _connection.Consuming.AttachAsync(consumer, cancellationToken).ConfigureAwait(false);
        _consumers[consumer] = 0;
        if (_isDisposed)
        {
            await consumer.DisposeAsync().ConfigureAwait(false);
            CheckOpen(cancellationToken);
        }

        return consumer;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default)
    {
        CheckGroup(queue, group, cancellationToken);
        return await Guarding.AskAsync("remove the group", () => _topology.RemoveAsync(queue, group, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Only what is delayed, and not yet due, can be taken back: the id says until when. Of what is due in more than about a minute nobody can be asked
    /// whether it is there, or cancelled already: then the answer is true, and means that it will not be delivered.
    /// </remarks>
    public async ValueTask<bool> CancelAsync(string queue, string messageId, CancellationToken cancellationToken = default)
    {
        BrokerNames.CheckName("queue", queue);
        ArgumentNullException.ThrowIfNull(messageId);
        CheckOpen(cancellationToken);
        return await Guarding.AskAsync("cancel the message", () => _cancellation.CancelAsync(messageId, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// RabbitMQ cannot look into a queue: each call reads all dead letters of the group, at most 10,000, and puts them back. Those beyond
    /// are not seen until older ones have left.
    /// </remarks>
    public async ValueTask<Page<DeadLetterRecord>> ListAsync(
        string queue, string group, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        CheckGroup(queue, group, cancellationToken);
        return await Guarding.AskAsync("show the dead letters", () => _deadLetters.ListAsync(queue, group, page, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <inheritdoc cref="RedriveAsync(string, string, IReadOnlyCollection{string}, CancellationToken)"/>
    /// <returns>False when it was not there (any more).</returns>
    public async ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        await RedriveAsync(queue, group, [messageId], cancellationToken).ConfigureAwait(false) > 0;

    /// <inheritdoc/>
    /// <remarks>
    /// <para>
    /// It costs what <see cref="ListAsync"/> costs. The broker itself moves them, in the order in which they died: when the instance vanishes
    /// meanwhile, each is a dead letter still or on its way, and never both. What is enqueued while they are on their way may come before them.
    /// When the broker crashes then, up to 32 that it was moving come twice.
    /// </para>
    /// <para>
    /// Those for which the group has no room stay dead letters, and this throws <see cref="BrokerErrorCodes.LimitExceeded"/>. One that finds the
    /// group full all the same, because others were faster, is in no list: the broker keeps it and tries again after three to six minutes.
    /// </para>
    /// </remarks>
    public async ValueTask<int> RedriveAsync(
        string queue, string group, IReadOnlyCollection<string> messageIds, CancellationToken cancellationToken = default)
    {
        CheckGroup(queue, group, cancellationToken);
        ArgumentNullException.ThrowIfNull(messageIds);
        return await Guarding.AskAsync(
            "redrive dead letters", () => _deadLetters.RedriveAsync(queue, group, messageIds, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>It costs what <see cref="ListAsync"/> costs.</remarks>
    public async ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default)
    {
        CheckGroup(queue, group, cancellationToken);
        return await Guarding.AskAsync(
            "discard the dead letter", () => _deadLetters.DiscardAsync(queue, group, messageId, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the consumers of this broker, in parallel, as disposing each would. The connection stays open.</summary>
    public ValueTask DisposeAsync() => new(_dispose.Value);

    private async Task BindAsync(QueueSubscription subscription, CancellationToken cancellationToken)
    {
        var (queue, group) = (subscription.Queue, subscription.Group);
        if (await _topology.BindAsync(queue, group, cancellationToken).ConfigureAwait(false))
        {
            _ = SweepLaterAsync(queue, group);
        }

        var isOrdered = await _connection.Locks.IsTakenAsync(_connection.Names.TurnLock(queue, group), cancellationToken).ConfigureAwait(false);
        var isConsumed = isOrdered || await _topology.IsConsumedAsync(queue, group, cancellationToken).ConfigureAwait(false);
        if (isConsumed && isOrdered != (subscription.Ordering == QueueOrdering.PerKey))
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict,
                $"The group '{group}' of the queue '{queue}' is consumed with another ordering than {subscription.Ordering}; all consumers of "
                + "a group at one time must agree, or use different groups.");
        }
    }

    /// <summary>What is left behind when the first group is bound comes within moments; each later binding looks for it as well.</summary>
    private async Task SweepLaterAsync(string queue, string group)
    {
        foreach (var pause in SweepPauses)
        {
            try
            {
                await Task.Delay(pause, _disposing.Token).ConfigureAwait(false);
                await _topology.SweepAsync(queue, group, _disposing.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
            {
                if (_isDisposed)
                {
                    return;
                }

                _connection.Logger.SweepFailed(queue, exception.Message);
            }
        }
    }

    private void Forget(GroupConsumer consumer) => _consumers.TryRemove(consumer, out _);

    private void CheckGroup(string queue, string group, CancellationToken cancellationToken)
    {
        BrokerNames.CheckName("queue", queue);
        BrokerNames.CheckName("group", group);
        CheckOpen(cancellationToken);
    }

    private void CheckOpen(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async Task CloseAsync()
    {
        _isDisposed = true;
        await _disposing.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_consumers.Keys.Select(consumer => consumer.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _delays.DisposeAsync().ConfigureAwait(false);
        await _publisher.DisposeAsync().ConfigureAwait(false);
    }
}
