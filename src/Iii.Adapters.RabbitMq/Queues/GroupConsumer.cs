using System.Globalization;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>One consumer of a group: the part that handling has in common, in order or not.</summary>
internal abstract class GroupConsumer : ILinkUser, IAsyncDisposable
{
    /// <summary>Between a handler that threw, or a verdict that could not be carried out, and the next attempt.</summary>
    protected static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly QueueHandler _handler;
    private readonly HashSet<DeliveryRun> _running = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<Task> _dispose;
    private bool _takesNoMore;

    protected GroupConsumer(RabbitMqConnection connection, QueueStore store, QueueSubscription subscription, QueueHandler handler)
    {
        (Connection, Store, Subscription, _handler) = (connection, store, subscription, handler);
        _dispose = new Lazy<Task>(DrainAsync);
    }

    /// <summary>Called when dispose is done.</summary>
    public Action<GroupConsumer> Disposed { get; init; } = static _ => { };

    protected RabbitMqConnection Connection { get; }

    protected QueueStore Store { get; }

    protected QueueSubscription Subscription { get; }

    protected Lock Lock { get; } = new();

    /// <summary>It is to end. Guarded by the lock.</summary>
    protected bool IsStopping { get; private set; }

    /// <summary>Handlers that run, and verdicts that are being carried out. Guarded by the lock.</summary>
    protected int RunningCount => _running.Count;

    protected string Jobs => Connection.Names.JobsQueue(Subscription.Queue, Subscription.Group);

    public abstract Task RestoreAsync(LinkSession session, CancellationToken cancellationToken);

    /// <summary>The broker delivers what was under way to others; their verdicts count no more.</summary>
    public virtual void OnLost(BrokerException why) => Abandon(static _ => true);

    public ValueTask DisposeAsync() => new(_dispose.Value);

    /// <summary>Runs the handler and carries out its verdict.</summary>
    public async Task HandleAsync(DeliveryRun run)
    {
        QueueVerdict? verdict = null;
        AttemptFailure? failure = null;
        if (TryBegin(run))
        {
            try
            {
                verdict = await _handler(run.Describe(Subscription), run.Lost).ConfigureAwait(false);
                failure = verdict is null ? new AttemptFailure(AttemptFailure.HandlerFailed, "The handler returned null.") : null;
            }
#pragma warning disable CA1031 // Whatever a handler throws, its message is delivered again; the owner is told.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = new AttemptFailure(AttemptFailure.HandlerFailed, exception.Message);
                if (!run.Lost.IsCancellationRequested)
                {
                    HandlerFailed(exception);
                }
            }
        }

        if (End(run))
        {
            var pause = Pause < Subscription.LeaseTime ? Pause : Subscription.LeaseTime;
            await SettleAsync(run, verdict ?? QueueVerdict.RetryAfter(pause, failure)).ConfigureAwait(false);
        }

        Forget(run);
    }

    /// <summary>Carries out a verdict; never throws.</summary>
    protected abstract Task SettleAsync(DeliveryRun run, QueueVerdict verdict);

    /// <summary>Closes what consumes; what is not settled is delivered again.</summary>
    protected abstract Task CloseAsync();

    /// <summary>Takes no more messages: when it completes, none is started any more.</summary>
    protected abstract Task StopTakingAsync();

    /// <summary>A run has ended, or was abandoned: there is room for another. Under the lock.</summary>
    protected virtual void OnRoom()
    {
    }

    /// <summary>Starts the handler. Under the lock.</summary>
    protected void Start(DeliveryRun run)
    {
        run.HasEnded = false;
        _running.Add(run);
        ThreadPool.UnsafeQueueUserWorkItem(run, preferLocal: false);
    }

    /// <summary>Makes a run of a delivery; null for one that cannot be read, which goes to the dead letters as it is.</summary>
    protected DeliveryRun? Read(ConsumingChannel channel, Arrival arrival)
    {
        var body = arrival.Body.ToArray();
        if (QueueRecordFormat.TryRead(body) is { } record)
        {
            return new DeliveryRun(this, channel, arrival.Tag, record.InLine());
        }

        _ = BuryUnreadableAsync(channel, arrival.Tag, arrival.Properties.MessageId, body);
        return null;
    }

    /// <summary>How often the message was delivered before without a verdict, as the broker counts; at least once when it says that it was.</summary>
    protected static int LostDeliveries(Arrival arrival)
    {
        var counted = arrival.Properties.Headers is { } headers && headers.TryGetValue("x-delivery-count", out var count)
            ? Convert.ToInt32(count, CultureInfo.InvariantCulture)
            : 0;
        return Math.Max(counted, arrival.IsRedelivered ? 1 : 0);
    }

    /// <summary>Moves the message to the dead letters; it is given back when that is not possible now.</summary>
    protected Task BuryAsync(DeliveryRun run, AttemptFailure reason)
    {
        var now = DateTimeOffset.UtcNow;
        var dead = run.Record.After(run.Attempt, reason, now) with { DeadAt = now };
        return ReplaceAsync(run.Channel, run.Tag, () => Store.BuryAsync(Subscription.Queue, Subscription.Group, dead));
    }

    /// <summary>Acknowledges a message when its copy is stored elsewhere, so that it is never nowhere.</summary>
    protected async Task ReplaceAsync(ConsumingChannel channel, ulong tag, Func<Task<bool>> store)
    {
        if (await TryStoreAsync(store).ConfigureAwait(false))
        {
            channel.Acknowledge(tag);
            return;
        }

        await Task.Delay(Pause).ConfigureAwait(false);
        await channel.GiveBackAsync(tag).ConfigureAwait(false);
    }

    /// <summary>Whether a copy of a message was stored elsewhere.</summary>
    protected async Task<bool> TryStoreAsync(Func<Task<bool>> store)
    {
        try
        {
            if (await store().ConfigureAwait(false))
            {
                return true;
            }

            Connection.Logger.VerdictFailed(Subscription.Queue, "RabbitMQ refused the message");
        }
        catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
        {
            Connection.Logger.VerdictFailed(Subscription.Queue, exception.Message);
        }

        return false;
    }

    /// <summary>The handler, or what it has registered on its token, threw.</summary>
    public void HandlerFailed(Exception exception)
    {
        Connection.Logger.HandlerThrew(exception, Subscription.Queue);
        Connection.Options.HandlerFailed(exception);
    }

    /// <summary>Sets the tokens of those runs that are under way; their verdicts count no more.</summary>
    protected void Abandon(Func<DeliveryRun, bool> which)
    {
        DeliveryRun[] abandoned;
        lock (Lock)
        {
            abandoned = [.. _running.Where(run => !run.HasEnded && which(run))];
            foreach (var run in abandoned)
            {
                run.IsAbandoned = true;
                _running.Remove(run);
            }

            OnRoom();
            SignalIfDrained();
        }

        foreach (var run in abandoned)
        {
            run.Cancel();
        }
    }

    private Task BuryUnreadableAsync(ConsumingChannel channel, ulong tag, string? messageId, ReadOnlyMemory<byte> body)
    {
        Connection.Logger.UnreadableMessage(Subscription.Queue, messageId ?? "", body.Length);
        return ReplaceAsync(channel, tag, () => Store.BuryUnreadableAsync(Subscription.Queue, Subscription.Group, messageId, body));
    }

    private bool TryBegin(DeliveryRun run)
    {
        lock (Lock)
        {
            return !run.IsAbandoned;
        }
    }

    /// <summary>The handler has returned; whether its verdict counts.</summary>
    private bool End(DeliveryRun run)
    {
        lock (Lock)
        {
            run.HasEnded = true;
            return !run.IsAbandoned;
        }
    }

    private void Forget(DeliveryRun run)
    {
        lock (Lock)
        {
            _running.Remove(run);
            OnRoom();
            SignalIfDrained();
        }
    }

    private async Task DrainAsync()
    {
        lock (Lock)
        {
            IsStopping = true;
        }

        await Connection.Consuming.DetachAsync(this).ConfigureAwait(false);
        await StopTakingAsync().ConfigureAwait(false);
        lock (Lock)
        {
            _takesNoMore = true;
            SignalIfDrained();
        }

        try
        {
            await _drained.Task.WaitAsync(Subscription.DrainTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Abandon(static _ => true);

            // Only verdicts are left, which end by themselves.
            await _drained.Task.ConfigureAwait(false);
        }

        await CloseAsync().ConfigureAwait(false);
        Disposed(this);
    }

    private void SignalIfDrained()
    {
        if (_takesNoMore && _running.Count == 0)
        {
            _drained.TrySetResult();
        }
    }
}
