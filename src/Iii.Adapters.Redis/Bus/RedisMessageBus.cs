using System.Collections.Concurrent;
using Iii.Adapters.Redis.Bus;
using Microsoft.Extensions.Logging;

namespace Iii.Adapters.Redis;

/// <summary>
/// The message bus over Redis pub/sub; sharded pub/sub on Redis Cluster. Frames that are published to one subject at the same time
/// share a command.
/// </summary>
/// <remarks>
/// <para>
/// Gaps: after the connection was lost, the next delivery of every subscription says so; that includes being dropped by Redis for
/// reading too slowly (<c>client-output-buffer-limit pubsub</c>).
/// </para>
/// <para>
/// <see cref="PublishOutcome.Sent"/> counts whom Redis takes for connected. An instance whose machine vanished without a word is
/// among them until Redis has noticed (<c>tcp-keepalive</c>).
/// </para>
/// </remarks>
public sealed class RedisMessageBus : IMessageBus, IBrokerConnection
{
    /// <summary>Subjects that are remembered though nothing is on its way to them. One more is forgotten.</summary>
    private const int MaxIdleOutboxes = 1024;

    private readonly ConcurrentDictionary<string, SubjectOutbox> _outboxes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<RedisSubscription, byte> _subscriptions = [];
    private readonly ILogger _log;
    private int _outboxCount;
    private int _subscriptionCount;
    private volatile bool _isDisposed;

    /// <summary>Makes the bus of one instance.</summary>
    /// <param name="connection">The instance's connection, which the bus uses and does not dispose.</param>
    public RedisMessageBus(RedisConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        Connection = connection;
        Room = new OutgoingRoom(connection.Options.MaxOutgoingBytes);
        _log = connection.Options.LoggerFactory.CreateLogger<RedisMessageBus>();
    }

    /// <inheritdoc/>
    public event Action? ConnectionChanged
    {
        add => Connection.ConnectionChanged += value;
        remove => Connection.ConnectionChanged -= value;
    }

    /// <inheritdoc/>
    public bool IsConnected => Connection.IsConnected;

    /// <inheritdoc/>
    public BrokerFeatures Features => BrokerFeatures.Shared;

    /// <inheritdoc/>
    public BrokerLimits Limits => Connection.Options.Limits;

    internal RedisConnection Connection { get; }

    internal OutgoingRoom Room { get; }

    /// <inheritdoc/>
    public ValueTask<PublishOutcome> PublishAsync(string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckPublish(this, subject, frame.Length);
        Check(cancellationToken);
        return Room.TryTake(FrameBatch.HeaderBytes + frame.Length)
            ? new ValueTask<PublishOutcome>(Append(subject, frame, isHasty: true))
            : AppendWhenThereIsRoomAsync(subject, frame, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> SubscribeAsync(
        string subject, BusHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerNames.CheckName("subject", subject);
        ArgumentNullException.ThrowIfNull(handler);
        Check(cancellationToken);
        if (Interlocked.Increment(ref _subscriptionCount) > Limits.MaxNames)
        {
            Interlocked.Decrement(ref _subscriptionCount);
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded, $"There are {Limits.MaxNames} subscriptions; no more are allowed. Dispose some.");
        }

        var subscription = new RedisSubscription(this, subject, handler, _log);
        try
        {
            await subscription.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Interlocked.Decrement(ref _subscriptionCount);
            throw;
        }

        _subscriptions[subscription] = 0;
        if (_isDisposed)
        {
            await subscription.DisposeAsync().ConfigureAwait(false);
            ObjectDisposedException.ThrowIf(true, this);
        }

        return subscription;
    }

    /// <summary>Ends the subscriptions of this bus, in parallel, as disposing each would. Calls that are under way end by themselves.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_subscriptions.Keys.Select(subscription => subscription.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    internal void Forget(RedisSubscription subscription)
    {
        _subscriptions.TryRemove(subscription, out _);
        Interlocked.Decrement(ref _subscriptionCount);
    }

    /// <summary>Forgets an outbox that has nothing to do, if there are many.</summary>
    internal void OnIdle(SubjectOutbox outbox)
    {
        if (Volatile.Read(ref _outboxCount) > MaxIdleOutboxes && outbox.TryRetire())
        {
            _outboxes.TryRemove(outbox.Subject, out _);
            Interlocked.Decrement(ref _outboxCount);
        }
    }

    private async ValueTask<PublishOutcome> AppendWhenThereIsRoomAsync(
        string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken)
    {
        Task<PublishOutcome> outcome = null!;
        await Room.TakeAsync(
            FrameBatch.HeaderBytes + frame.Length, () => outcome = Append(subject, frame, isHasty: false), cancellationToken).ConfigureAwait(false);
        return await outcome.ConfigureAwait(false);
    }

    private Task<PublishOutcome> Append(string subject, ReadOnlyMemory<byte> frame, bool isHasty)
    {
        while (true)
        {
            if (!_outboxes.TryGetValue(subject, out var outbox))
            {
                outbox = new SubjectOutbox(this, subject, Connection.Names.Subject(subject));
                if (!_outboxes.TryAdd(subject, outbox))
                {
                    continue;
                }

                Interlocked.Increment(ref _outboxCount);
            }

            if (outbox.TryAppend(frame.Span, isHasty) is { } batch)
            {
                return batch.TakeOutcome();
            }
        }
    }

    private void Check(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        Connection.CheckUp();
    }
}
