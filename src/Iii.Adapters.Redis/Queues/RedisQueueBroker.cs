using System.Collections.Concurrent;
using System.Globalization;
using Iii.Adapters.Redis.Queues;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>The queues over Redis, with every feature.</summary>
/// <remarks>
/// <para>
/// Each queue is a handful of lists, hashes and sorted sets that scripts work on, not a stream: a stream knows neither priority, nor
/// order per key, nor a delay, nor taking back, and would need all of this beside it. A call of the script stores, or settles and leases,
/// many messages at once, and with that is as fast as a stream of which each message is added, read and acknowledged with a command.
/// </para>
/// <para>
/// Leases and delays are measured by Redis' clock. Every delivery of a message has a number of its own, which fences off the verdicts of
/// those before it. Consumers that find nothing are woken by pub/sub, and look by themselves every two seconds.
/// </para>
/// <para>
/// A group's length counts all it holds: waiting, delayed, delivered and dead messages. Deduplication keys are bounded by the same number
/// per queue. What is cancelled while it waits may leave its place in a list behind, not its record: at most as many places as the group
/// has messages, or a thousand. What a receipt promises depends on how Redis is configured, which is looked at once, when the broker is made.
/// </para>
/// <para>
/// A message that was taken by an instance of another version and cannot be read becomes a dead letter whose payload is the stored
/// record.
/// </para>
/// </remarks>
public sealed class RedisQueueBroker : IQueueBroker, IDeadLetters, IMessageCancellation, IQueueInspection, IBrokerConnection
{
    /// <summary>Queues that are remembered though nothing is on its way to them. One more is forgotten.</summary>
    private const int MaxIdleOutboxes = 1024;

    /// <summary>A page of dead letters ends after so many bytes of records, if not before.</summary>
    private const int MaxPageBytes = 8 * 1024 * 1024;

    private const int PerDeadLetter = 4;
    private const int PerGroup = 6;

    private readonly ConcurrentDictionary<string, QueueOutbox> _outboxes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<QueueConsumer, byte> _consumers = [];
    private readonly ILogger _log;
    private int _outboxCount;
    private volatile bool _isDisposed;

    private RedisQueueBroker(RedisConnection connection, ILogger log, Durability durability)
    {
        (Connection, _log, Durability) = (connection, log, durability);
        Room = new OutgoingRoom(connection.Options.MaxOutgoingBytes);
    }

    /// <inheritdoc/>
    public event Action? ConnectionChanged
    {
        add => Connection.ConnectionChanged += value;
        remove => Connection.ConnectionChanged -= value;
    }

    /// <inheritdoc/>
    public bool IsConnected => Connection.IsConnected;

    /// <summary>Everything; <see cref="BrokerFeatures.Durable"/> unless Redis has no append-only file.</summary>
    public BrokerFeatures Features =>
        BrokerFeatures.Shared | BrokerFeatures.OrderingKeys | BrokerFeatures.Delay | BrokerFeatures.Priority
        | BrokerFeatures.Deduplication | BrokerFeatures.Groups | BrokerFeatures.Cancellation | BrokerFeatures.CancellationOfWaiting | BrokerFeatures.DeadLetters
        | BrokerFeatures.Inspection | (Durability == Durability.Volatile ? BrokerFeatures.None : BrokerFeatures.Durable);

    /// <inheritdoc/>
    public BrokerLimits Limits => Connection.Options.Limits;

    internal RedisConnection Connection { get; }

    internal OutgoingRoom Room { get; }

    internal Durability Durability { get; }

    /// <summary>Makes the queues of one instance.</summary>
    /// <param name="connection">The instance's connection, which the broker uses and does not dispose.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="BrokerException">With <see cref="BrokerErrorCodes.BrokerUnavailable"/>.</exception>
    public static async Task<RedisQueueBroker> CreateAsync(RedisConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        connection.CheckUp();
        var log = connection.Options.LoggerFactory.CreateLogger<RedisQueueBroker>();
        try
        {
            var durability = await RedisDurability.FindAsync(connection, log).WaitAsync(cancellationToken).ConfigureAwait(false);
            return new RedisQueueBroker(connection, log, durability);
        }
        catch (Exception exception) when (RedisConnection.IsFailure(exception))
        {
            throw connection.Unavailable(exception);
        }
    }

    /// <inheritdoc/>
    public ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= EnqueueOptions.None;
        BrokerGuard.CheckEnqueue(this, queue, message, options);
        CheckOpen(cancellationToken);
        var call = new EnqueueCall(message, options);
        if (!Room.TryTake(call.CountedBytes))
        {
            return EnqueueWhenThereIsRoomAsync(queue, call, cancellationToken);
        }

        Append(queue, call, isHasty: true);
        return new ValueTask<EnqueueReceipt>(cancellationToken.CanBeCanceled ? call.Receipt.WaitAsync(cancellationToken) : call.Receipt);
    }

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        ArgumentNullException.ThrowIfNull(handler);
        CheckOpen(cancellationToken);
        var consumer = new QueueConsumer(this, subscription, handler, _log);
        await consumer.StartAsync(cancellationToken).ConfigureAwait(false);
        _consumers[consumer] = 0;
        if (_isDisposed)
        {
            await consumer.DisposeAsync().ConfigureAwait(false);
            ObjectDisposedException.ThrowIf(true, this);
        }

        return consumer;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default)
    {
        var reply = await RunAsync(QueueScripts.RemoveGroup, queue, group, [group], cancellationToken).ConfigureAwait(false);
        return (string?)reply switch
        {
            "removed" => true,
            "unknown" => false,
            var consumers => throw new BrokerException(
                BrokerErrorCodes.Conflict,
                $"The group '{group}' of the queue '{queue}' has {consumers} consumers; dispose them before you remove it. A consumer that "
                + "crashed counts for one and a half times its lease time."),
        };
    }

    /// <inheritdoc/>
    public async ValueTask<Page<DeadLetterRecord>> ListAsync(
        string queue, string group, PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        var reply = await RunAsync(
            QueueScripts.ListDead, queue, group, [group, page.After ?? "0", page.Limit, MaxPageBytes], cancellationToken).ConfigureAwait(false);
        var letters = new List<DeadLetterRecord>();
        var at = 0;
        for (; at + PerDeadLetter <= reply.Length; at += PerDeadLetter)
        {
            letters.Add(DeadLetters.Read(queue, group, (long)reply[at], (string)reply[at + 1]!, (byte[])reply[at + 2]!, (string?)reply[at + 3]));
        }

        return new Page<DeadLetterRecord>(letters, at < reply.Length ? (string?)reply[at - PerDeadLetter] : null);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        (bool)await RunAsync(
            QueueScripts.Redrive, queue, group, [Connection.PublishCommand, group, messageId], cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        (bool)await RunAsync(QueueScripts.Discard, queue, group, [group, messageId], cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<bool> CancelAsync(string queue, string messageId, CancellationToken cancellationToken = default) =>
        (long)await RunAsync(
            QueueScripts.Cancel, queue, QueueSubscription.DefaultGroup, [Connection.PublishCommand, messageId], cancellationToken)
            .ConfigureAwait(false) > 0;

    /// <inheritdoc/>
    public async ValueTask<Page<string>> ListQueuesAsync(PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        CheckOpen(cancellationToken);
        try
        {
            var names = await Connection.Database
                .SortedSetRangeByValueAsync(Connection.Names.Queues, min: page.After, exclude: Exclude.Start, take: page.Limit + 1)
                .WaitAsync(cancellationToken).ConfigureAwait(false);
            var items = names.Take(page.Limit).Select(static name => (string)name!).ToList();
            return new Page<string>(items, names.Length > page.Limit ? items[^1] : null);
        }
        catch (Exception exception) when (RedisConnection.IsFailure(exception))
        {
            throw Connection.Unavailable(exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<QueueStats?> GetStatsAsync(string queue, CancellationToken cancellationToken = default)
    {
        var reply = await RunAsync(QueueScripts.Stats, queue, QueueSubscription.DefaultGroup, [], cancellationToken).ConfigureAwait(false);
        if (reply.Length == 0)
        {
            return null;
        }

        var groups = new List<GroupStats>();
        for (var at = 1; at < reply.Length; at += PerGroup)
        {
            var (all, delayed, delivering, dead) = ((long)reply[at + 1], (long)reply[at + 2], (long)reply[at + 3], (long)reply[at + 4]);
            groups.Add(new GroupStats((string)reply[at]!)
            {
                Waiting = all - delayed - delivering - dead,
                Delayed = delayed,
                Delivering = delivering,
                Dead = dead,
                Consumers = (int)reply[at + 5],
            });
        }

        return new QueueStats(queue, (long)reply[0], [.. groups.OrderBy(static group => group.Group, BrokerNames.Utf8Order)]);
    }

    /// <summary>Ends the consumers of this broker, in parallel, as disposing each would.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_consumers.Keys.Select(consumer => consumer.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    internal void Forget(QueueConsumer consumer) => _consumers.TryRemove(consumer, out _);

    /// <summary>Forgets an outbox that has nothing to do, if there are many.</summary>
    internal void OnIdle(QueueOutbox outbox)
    {
        if (Volatile.Read(ref _outboxCount) > MaxIdleOutboxes && outbox.TryRetire())
        {
            _outboxes.TryRemove(outbox.Queue, out _);
            Interlocked.Decrement(ref _outboxCount);
        }
    }

    /// <summary>Makes a queue known.</summary>
    /// <exception cref="BrokerException">With <see cref="BrokerErrorCodes.LimitExceeded"/> when there are too many.</exception>
    internal async Task RegisterAsync(string queue)
    {
        if (!(bool)await RunAsync(QueueScripts.Index, [Connection.Names.Queues], [queue, Limits.MaxNames]).ConfigureAwait(false))
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded,
                string.Create(CultureInfo.InvariantCulture, $"There are {Limits.MaxNames} queues; no more are allowed. Use fewer names."));
        }

        await RunAsync(QueueScripts.Register, [Connection.Names.Queue(queue)], []).ConfigureAwait(false);
    }

    /// <summary>Runs a script.</summary>
    /// <exception cref="BrokerException">With <see cref="BrokerErrorCodes.BrokerUnavailable"/>.</exception>
    internal async Task<RedisResult> RunAsync(RedisScript script, RedisKey[] keys, RedisValue[] arguments)
    {
        Connection.CheckUp();
        try
        {
            return await script.RunAsync(Connection.Database, keys, arguments).ConfigureAwait(false);
        }
        catch (Exception exception) when (RedisConnection.IsFailure(exception))
        {
            throw Connection.Unavailable(exception);
        }
    }

    private Task<RedisResult> RunAsync(
        RedisScript script, string queue, string group, RedisValue[] arguments, CancellationToken cancellationToken)
    {
        BrokerNames.CheckName("queue", queue);
        BrokerNames.CheckName("group", group);
        CheckOpen(cancellationToken);
        return RunAsync(script, [Connection.Names.Queue(queue)], arguments).WaitAsync(cancellationToken);
    }

    private async ValueTask<EnqueueReceipt> EnqueueWhenThereIsRoomAsync(string queue, EnqueueCall call, CancellationToken cancellationToken)
    {
        await Room.TakeAsync(call.CountedBytes, () => Append(queue, call, isHasty: false), cancellationToken).ConfigureAwait(false);
        return await call.Receipt.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private void Append(string queue, EnqueueCall call, bool isHasty)
    {
        while (true)
        {
            if (!_outboxes.TryGetValue(queue, out var outbox))
            {
                outbox = new QueueOutbox(this, queue);
                if (!_outboxes.TryAdd(queue, outbox))
                {
                    continue;
                }

                Interlocked.Increment(ref _outboxCount);
            }

            if (outbox.TryAppend(call, isHasty) is not null)
            {
                return;
            }
        }
    }

    private void CheckOpen(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        Connection.CheckUp();
    }
}
