namespace Iii.Broker;

/// <summary>
/// A consumer for stores that call nobody, such as files or tables: it looks for messages while it has places for them, renews their leases
/// while the handler works, has verdicts carried out, and drains as <see cref="IQueueBroker.ConsumeAsync"/> promises.
/// </summary>
public sealed class PollingConsumer : IAsyncDisposable
{
    /// <summary>How often at most a renewal that fails is tried while a lease lasts.</summary>
    private const int MaxTriesInLease = 10;

    private static readonly TimeSpan PauseAfterThrow = TimeSpan.FromMilliseconds(500);

    private readonly QueueSubscription _subscription;
    private readonly QueueHandler _handler;
    private readonly Func<ValueTask<ILeasedMessage?>> _take;
    private readonly PollingOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abandon = new();
    private readonly Task _consuming;
    private readonly Lazy<Task> _dispose;

    private PollingConsumer(
        QueueSubscription subscription, QueueHandler handler, Func<ValueTask<ILeasedMessage?>> take, PollingOptions options)
    {
        (_subscription, _handler, _take, _options) = (subscription, handler, take, options);
        _consuming = Parallel.ForEachAsync(
            TakeAllAsync(), new ParallelOptions { MaxDegreeOfParallelism = subscription.Concurrency }, (message, _) => DeliverAsync(message));
        _dispose = new Lazy<Task>(DrainAsync);
    }

    /// <summary>Begins.</summary>
    /// <param name="subscription">How many messages at a time, under which leases, and how long dispose waits for them.</param>
    /// <param name="handler">Called on thread-pool threads. When it throws, the message is to be delivered again after half a second.</param>
    /// <param name="take">
    /// Leases the message that is due first; null when none is. Called when there is a place for one, and not again before it has ended.
    /// </param>
    /// <param name="options">The rest.</param>
    public static PollingConsumer Start(
        QueueSubscription subscription, QueueHandler handler, Func<ValueTask<ILeasedMessage?>> take, PollingOptions options)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(take);
        ArgumentNullException.ThrowIfNull(options);
        return new PollingConsumer(subscription, handler, take, options);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(_dispose.Value);

    private async Task DrainAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _consuming.WaitAsync(_subscription.DrainTimeout, _options.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _abandon.CancelAsync().ConfigureAwait(false);
        await _consuming.ConfigureAwait(false);
        _options.Disposed(this);
    }

    private async IAsyncEnumerable<ILeasedMessage> TakeAllAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            if (await TryTakeAsync().ConfigureAwait(false) is { } message)
            {
                yield return message;
            }
            else
            {
                await Task.Delay(_options.Interval, _options.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

#pragma warning disable CA1031 // Whatever a store or a handler throws, the consumer goes on; the owner is told.
    private async Task<ILeasedMessage?> TryTakeAsync()
    {
        try
        {
            return await _take().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _options.Failed(exception);
            return null;
        }
    }

    private async ValueTask DeliverAsync(ILeasedMessage message)
    {
        var lost = new CancellationTokenSource(); // not disposed of: a handler that was given up may look at it later
        await using var abandoned = _abandon.Token.Register(() => _ = lost.CancelAsync(_options.Failed)).ConfigureAwait(false);
        var handling = Task.Run(() => HandleAsync(message.Delivery, lost.Token), CancellationToken.None);
        try
        {
            if (await HoldAsync(message, handling, lost.Token).ConfigureAwait(false))
            {
                await message.SettleAsync(await handling.ConfigureAwait(false)).ConfigureAwait(false);
            }
            else if (_abandon.IsCancellationRequested)
            {
                await message.SettleAsync(null).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            _options.Failed(exception);
        }
        finally
        {
            _ = lost.CancelAsync(_options.Failed);
        }

        // A handler keeps its place after its lease was lost, or there would be more of them than places.
        await ((Task)handling).WaitAsync(_abandon.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken lost)
    {
        try
        {
            return await _handler(delivery, lost).ConfigureAwait(false) ?? Fail("The handler returned null.");
        }
        catch (Exception exception)
        {
            if (!lost.IsCancellationRequested)
            {
                _options.Failed(exception);
            }

            return Fail(exception.Message);
        }
    }

    /// <summary>Renews a lease; null when the store could not be asked, or has not answered before the lease was over.</summary>
    private async Task<bool?> TryRenewAsync(ILeasedMessage message, CancellationToken lost)
    {
        try
        {
            return await message.RenewAsync().AsTask().WaitAsync(_subscription.LeaseTime, _options.Time, lost).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception exception)
        {
            _options.Failed(exception);
            return null;
        }
    }
#pragma warning restore CA1031

    /// <summary>
    /// Renews a lease until the handler has ended, and then once more for the verdict. A renewal that fails is tried again while the
    /// lease lasts.
    /// </summary>
    /// <returns>False when no verdict counts any more.</returns>
    private async Task<bool> HoldAsync(ILeasedMessage message, Task handling, CancellationToken lost)
    {
        var renewedAt = _options.Time.GetTimestamp();
        var wait = handling.WaitAsync(_subscription.LeaseTime / 3, _options.Time, lost);
        while (true)
        {
            await wait.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (lost.IsCancellationRequested)
            {
                return false;
            }

            var askedAt = _options.Time.GetTimestamp();
            switch (await TryRenewAsync(message, lost).ConfigureAwait(false))
            {
                case false:
                    return false;
                case true when handling.IsCompleted:
                    return true;
                case true:
                    renewedAt = askedAt;
                    wait = handling.WaitAsync(_subscription.LeaseTime / 3, _options.Time, lost);
                    break;
                case null when _options.Time.GetElapsedTime(renewedAt) >= _subscription.LeaseTime:
                    return false;
                case null:
                    wait = Task.Delay(_subscription.LeaseTime / MaxTriesInLease, _options.Time, lost);
                    break;
            }
        }
    }

    private static QueueVerdict Fail(string why) =>
        QueueVerdict.RetryAfter(PauseAfterThrow, new AttemptFailure(AttemptFailure.HandlerFailed, why));
}
