using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>
/// One consumer of a group: the loop that tells Redis of verdicts and takes further messages in one call, as many as handlers are
/// free. While the group has nothing it waits for a wake-up, for what falls due, or for a while.
/// </summary>
internal sealed class QueueConsumer : IChannelSink, IAsyncDisposable
{
    /// <summary>How long it waits at most before it looks again, should a wake-up have been lost.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(2);

    /// <summary>Before a message is delivered again whose handler threw: long enough that a handler that always throws burns no CPU.</summary>
    private static readonly TimeSpan PauseAfterThrow = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(100);

    /// <summary>Most verdicts, and most messages, of one call.</summary>
    private const int MaxBatch = 256;

    /// <summary>While there is much to do, it looks so often for what has fallen due.</summary>
    private static readonly TimeSpan DueInterval = TimeSpan.FromMilliseconds(10);

    private readonly RedisQueueBroker _broker;
    private readonly RedisKey[] _keys;
    private readonly byte[] _group;
    private readonly WorkArguments _arguments;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<QueueRun, byte> _running = [];
    private readonly ConcurrentQueue<Settlement> _settled = [];
    private readonly WakeUpSignal _signal = new();
    private readonly LeaseKeeper _leases;
    private readonly Lazy<Task> _dispose;
    private Task _work = Task.CompletedTask;
    private int _runningCount;
    private volatile bool _isWoken;
    private volatile bool _isStopping;
    private volatile bool _isAbandoning;
    private volatile bool _isGivingUp;
    private volatile bool _isUnbound;

    /// <summary>The connection was lost, or a call has failed that may have been carried out.</summary>
    private volatile bool _doubtsLeases;
    private long _lookedForDueAt;

    public QueueConsumer(RedisQueueBroker broker, QueueSubscription subscription, QueueHandler handler, ILogger log)
    {
        (_broker, Subscription, Handler, _log) = (broker, subscription, handler, log);
        _keys = [broker.Connection.Names.Queue(subscription.Queue)];
        _group = Encoding.UTF8.GetBytes(subscription.Group);
        _arguments = new WorkArguments(broker.Connection.PublishCommand, subscription, Ordering);
        Id = $"{Ordering}{Guid.NewGuid():N}";
        _leases = new LeaseKeeper(broker, this);
        _dispose = new Lazy<Task>(DrainAsync);
    }

    public QueueSubscription Subscription { get; }

    public QueueHandler Handler { get; }

    /// <summary>Its name in Redis, which begins with its ordering.</summary>
    public string Id { get; }

    public RedisKey[] Keys => _keys;

    public ICollection<QueueRun> Running => _running.Keys;

    /// <summary>How long Redis counts it after it was last heard of: longer than any of its leases lasts.</summary>
    public TimeSpan Presence => Subscription.LeaseTime * 1.5;

    private string Ordering => Subscription.Ordering == QueueOrdering.PerKey ? "k" : "p";

    private RedisChannel WakeChannel => _broker.Connection.Names.Wake(Subscription.Queue);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _broker.RegisterAsync(Subscription.Queue).ConfigureAwait(false);
        await _broker.Connection.Channels.AddAsync(WakeChannel, this, cancellationToken).ConfigureAwait(false);
        try
        {
            await BindAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await _broker.Connection.Channels.RemoveAsync(WakeChannel, this).ConfigureAwait(false);
            throw;
        }

        _leases.Start();
        _work = Task.Run(WorkAsync, CancellationToken.None);
    }

    public void OnMessage(ReadOnlyMemory<byte> message)
    {
        if (message.Span.SequenceEqual(_group))
        {
            WakeUp();
        }
    }

    public IThreadPoolWorkItem? TakeWork() => null;

    public void OnGap()
    {
        _doubtsLeases = true;
        WakeUp();
    }

    /// <summary>The handler has given its verdict, or none and perhaps thrown.</summary>
    public void Complete(QueueRun run, QueueVerdict? verdict, Exception? thrown)
    {
        if (run.TryEnd())
        {
            _settled.Enqueue(Judge(run, verdict, thrown));
            if (thrown is not null)
            {
                HandlerFailed(thrown, run.Delivery.MessageId);
            }
        }

        _running.TryRemove(run, out _);
        Interlocked.Decrement(ref _runningCount);
        _signal.Set();
    }

    /// <summary>The handler, or what it has registered on its token, threw.</summary>
    public void HandlerFailed(Exception exception, string messageId)
    {
        RedisLog.QueueHandlerFailed(_log, exception, Subscription.Queue, messageId);
        _broker.Connection.Options.HandlerFailed(exception);
    }

    /// <summary>Takes a message away from its handler: the lease is, or is about to be, over.</summary>
    public void Lose(QueueRun run)
    {
        if (run.TryEnd())
        {
            RedisLog.LeaseLost(_log, Subscription.Queue, run.Delivery.MessageId);
            run.Cancel();
        }
    }

    /// <summary>Takes it away if its time is over and nobody has seen to it yet.</summary>
    public void LoseIfOverdue(QueueRun run)
    {
        if (_leases.IsOverdue(run))
        {
            Lose(run);
        }
    }

    /// <summary>Redis no longer knows it.</summary>
    public void Unbind()
    {
        _isUnbound = true;
        WakeUp();
    }

    public ValueTask DisposeAsync() => new(_dispose.Value);

    private Settlement Judge(QueueRun run, QueueVerdict? verdict, Exception? thrown) => verdict switch
    {
        QueueVerdict.Acknowledged => Settlement.Acknowledge(run),
        QueueVerdict.Retried retried => Settlement.Retry(
            run, retried.Delay < _broker.Limits.MaxDelay ? retried.Delay : _broker.Limits.MaxDelay, retried.Failure),
        QueueVerdict.DeadLettered dead => Settlement.Dead(run, dead.Reason),
        _ => Settlement.Retry(
            run, PauseAfterThrow, new AttemptFailure(AttemptFailure.HandlerFailed, thrown?.Message ?? "The handler returned null.")),
    };

    private async Task BindAsync(CancellationToken cancellationToken)
    {
        RedisValue[] arguments =
            [Subscription.Group, Id, Ordering, (long)Presence.TotalMilliseconds, _broker.Limits.MaxNames];
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            switch ((string?)await _broker.RunAsync(QueueScripts.Bind, _keys, arguments).ConfigureAwait(false))
            {
                case "bound":
                    return;
                case "conflict":
                    throw new BrokerException(
                        BrokerErrorCodes.Conflict,
                        $"The group '{Subscription.Group}' of the queue '{Subscription.Queue}' is not consumed with ordering "
                        + $"{Subscription.Ordering}; all consumers of a group at one time must agree, or use different groups. A consumer "
                        + "that crashed counts for one and a half times its lease time.");
                case "full":
                    throw new BrokerException(
                        BrokerErrorCodes.LimitExceeded,
                        $"The queue '{Subscription.Queue}' has {_broker.Limits.MaxNames} groups; no more are allowed. Remove some.");
            }
        }
    }

    private void WakeUp()
    {
        _isWoken = true;
        _signal.Set();
    }

    private async Task WorkAsync()
    {
        var batch = new List<Settlement>();
        var isDry = false;
        long? failingSince = null;
        var lookAgainAt = 0L;
        while (true)
        {
            while (batch.Count < MaxBatch && _settled.TryDequeue(out var settlement))
            {
                batch.Add(settlement);
            }

            var want = _isStopping ? 0 : Math.Min(MaxBatch, Subscription.Concurrency - Volatile.Read(ref _runningCount));
            if (batch.Count == 0 && _isStopping && (_isAbandoning || HasNothingRunning()) && _settled.IsEmpty)
            {
                break;
            }

            if (batch.Count == 0 && (want == 0 || isDry))
            {
                isDry = await WaitAsync(want > 0 ? Until(lookAgainAt) : Timeout.InfiniteTimeSpan).ConfigureAwait(false) && isDry;
                continue;
            }

            try
            {
                if (_doubtsLeases)
                {
                    DoubtLeases(batch);
                }

                // What a consumer that stops has to say, Redis takes from it unbound too.
                if (_isUnbound && !_isStopping)
                {
                    await BindAgainAsync().ConfigureAwait(false);
                }

                _isWoken = false;
                var maySleep = batch.Count == 0 || Volatile.Read(ref _runningCount) == 0;
                var (count, dueIn) = await CallAsync(batch, want, maySleep).ConfigureAwait(false);
                batch.Clear();
                failingSince = null;
                isDry = maySleep && count < want;
                lookAgainAt = Environment.TickCount64 + (long)(dueIn is { } due && due < PollInterval ? due : PollInterval).TotalMilliseconds;
            }
#pragma warning disable CA1031 // Whatever it is: a consumer that had ended of it would take nothing more, and nobody would know.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                if (failingSince is null)
                {
                    // Once, however long Redis is away.
                    RedisLog.WorkFailed(_log, exception, Subscription.Queue);
                }

                _doubtsLeases = true;
                failingSince ??= TimeProvider.System.GetTimestamp();
                if (IsToldInVain(failingSince.Value))
                {
                    RedisLog.VerdictsLost(_log, Subscription.Queue, batch.Count + _settled.Count);
                    return;
                }

                await Task.Delay(PauseAfterFailure).ConfigureAwait(false);
            }
        }

        await LeaveAsync().ConfigureAwait(false);
    }

    private static TimeSpan Until(long tick) => TimeSpan.FromMilliseconds(Math.Max(0, tick - Environment.TickCount64));

    /// <summary>What was leased before is settled with care from now on: a run is in one of these, on its way from the first to the last.</summary>
    private void DoubtLeases(List<Settlement> batch)
    {
        _doubtsLeases = false;
        foreach (var run in _running.Keys)
        {
            run.Doubt();
        }

        foreach (var settlement in _settled.Concat(batch))
        {
            settlement.Run.Doubt();
        }
    }

    /// <summary>
    /// Whether a consumer that stops, and cannot reach Redis, has nothing to wait for: it gives back what runs, or all that ran has ended
    /// and its leases have run out meanwhile.
    /// </summary>
    private bool IsToldInVain(long failingSince) => _isAbandoning
        || (_isStopping && HasNothingRunning() && TimeProvider.System.GetElapsedTime(failingSince) > Subscription.LeaseTime);

    /// <summary>A run that was given up ends before its message is given back, which still has to be done then.</summary>
    private bool HasNothingRunning() => Volatile.Read(ref _runningCount) == 0 && !_isGivingUp;

    /// <summary>
    /// Waits for something to do; whether nothing says that there are messages. That the time is over is known by the wait itself: it may
    /// end a little sooner than a clock says.
    /// </summary>
    private async Task<bool> WaitAsync(TimeSpan wait) =>
        await _signal.WaitAsync(wait, CancellationToken.None).ConfigureAwait(false) && !_isWoken;

    private async Task<(int Count, TimeSpan? DueIn)> CallAsync(List<Settlement> batch, int want, bool maySleep)
    {
        var start = TimeProvider.System.GetTimestamp();
        var looksForDue = maySleep || TimeProvider.System.GetElapsedTime(_lookedForDueAt, start) >= DueInterval;
        if (looksForDue)
        {
            _lookedForDueAt = start;
        }

        var reply = new WorkReply(await _broker.RunAsync(
            QueueScripts.Work, _keys, _arguments.Create(batch, want, looksForDue, maySleep)).ConfigureAwait(false));
        if (!reply.IsBound)
        {
            _isUnbound = true;
            return (want, null);
        }

        var (count, epoch, histories) = (reply.MessageCount, reply.Epoch, reply.Histories());
        for (var i = 0; i < count; i++)
        {
            var (handle, record) = reply.Message(i);
            var (number, history) = histories is not null && histories.TryGetValue(i, out var found) ? found : (1, null);
            Start(handle, number, epoch, record, history, start);
        }

        return (count, reply.DueIn);
    }

    private async Task BindAgainAsync()
    {
        await _broker.RegisterAsync(Subscription.Queue).ConfigureAwait(false);
        await BindAsync(CancellationToken.None).ConfigureAwait(false);
        _isUnbound = false;
    }

    private void Start(RedisValue handle, long number, string epoch, byte[] bytes, string? historyText, long leasedAt)
    {
        var isReadable = MessageRecord.TryRead(bytes, out var record);
        var history = MessageHistory.Parse(historyText);
        var id = ((string)handle!)[..MessageId.Length];
        var run = new QueueRun(
            this,
            handle,
            number,
            epoch,
            new QueueDelivery
            {
                Queue = Subscription.Queue,
                Group = Subscription.Group,
                MessageId = id,
                Attempt = history.Attempts + 1,
                EnqueuedAt = MessageId.AcceptedAt(id),
                Payload = record?.Payload ?? bytes,
                Headers = record?.Headers ?? MessageRecord.NoHeaders,
                OrderingKey = record?.OrderingKey,
                Priority = record?.Priority ?? 0,
                Failures = history.Failures,
            },
            leasedAt);
        if (!isReadable)
        {
            RedisLog.UnreadableRecord(_log, Subscription.Queue, id);
            _settled.Enqueue(Settlement.Dead(run, UnreadableRecord.Reason));
            return;
        }

        _running[run] = 0;
        Interlocked.Increment(ref _runningCount);
        ThreadPool.UnsafeQueueUserWorkItem(run, preferLocal: false);
    }

    private async Task LeaveAsync()
    {
        try
        {
            await _broker.RunAsync(
                QueueScripts.Leave, _keys, [_broker.Connection.PublishCommand, _group, Id]).ConfigureAwait(false);
        }
        catch (BrokerException exception)
        {
            // Its presence runs out by itself.
            RedisLog.WorkFailed(_log, exception, Subscription.Queue);
        }
    }

    private async Task DrainAsync()
    {
        _isStopping = true;
        _signal.Set();
        try
        {
            await _work.WaitAsync(Subscription.DrainTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            GiveUpOnRunning();
            await _work.ConfigureAwait(false);
        }

        await _leases.DisposeAsync().ConfigureAwait(false);
        await _broker.Connection.Channels.RemoveAsync(WakeChannel, this).ConfigureAwait(false);
        _broker.Forget(this);
    }

    /// <summary>Others may have what runs; only after its handlers have been told, so that none goes on without knowing.</summary>
    private void GiveUpOnRunning()
    {
        _isGivingUp = true;
        var failure = new AttemptFailure(AttemptFailure.ConsumerLost, "The consumer stopped before the handler had finished.");
        foreach (var run in _running.Keys)
        {
            if (run.TryEnd())
            {
                run.Cancel();
                _settled.Enqueue(Settlement.Retry(run, TimeSpan.Zero, failure));
            }
        }

        _isAbandoning = true;
        _signal.Set();
    }
}
