using Iii.Adapters.MassTransit.Jobs;
using Iii.Adapters.MassTransit.Transports;
using Iii.Broker;
using Microsoft.Extensions.Logging;

namespace Iii.Adapters.MassTransit;

/// <summary>One consumer of a group: runs the handler for what the transport delivers, and carries out its verdicts.</summary>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, and is linked to by handlers that outlast the consumer.
internal sealed class GroupConsumer : IAsyncDisposable
#pragma warning restore CA1001
{
    /// <summary>Between a handler that threw, or a verdict that could not be carried out, and the next attempt.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly IJobTransport _transport;
    private readonly MassTransitBrokerOptions _options;
    private readonly ILogger _logger;
    private readonly QueueHandler _handler;
    private readonly CancellationTokenSource _givenUp = new();
    private readonly TaskCompletionSource<IAsyncDisposable> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<Task> _dispose;
    private volatile bool _isStopping;

    public GroupConsumer(
        IJobTransport transport, MassTransitBrokerOptions options, ILogger logger, QueueSubscription subscription, QueueHandler handler)
    {
        (_transport, _options, _logger, Subscription, _handler) = (transport, options, logger, subscription, handler);
        _dispose = new Lazy<Task>(DrainAsync);
    }

    public QueueSubscription Subscription { get; }

    /// <summary>Called when dispose is done.</summary>
    public Action<GroupConsumer> Disposed { get; init; } = static _ => { };

    public async Task StartAsync(CancellationToken cancellationToken) =>
        _source.SetResult(await _transport.ConsumeAsync(this, cancellationToken).ConfigureAwait(false));

    public ValueTask DisposeAsync() => new(_dispose.Value);

    /// <summary>Deals with a job; when it returns, the job is settled or stored elsewhere.</summary>
    /// <param name="job">As it stands before this attempt.</param>
    /// <param name="lost">Set when the broker gives the job to somebody else.</param>
    /// <exception cref="Exception">The job is not settled: whoever delivered it keeps it.</exception>
    public async Task DeliverAsync(Job job, CancellationToken lost)
    {
        if (_isStopping || job.Due > DateTimeOffset.UtcNow)
        {
            await StoreAsync(() => ReturnAsync(job)).ConfigureAwait(false);
            return;
        }

        var attempt = job.Attempts + 1;
        var (verdict, failure) = await HandleAsync(job, lost).ConfigureAwait(false);
        switch (verdict)
        {
            case QueueVerdict.Acknowledged:
                return;
            case QueueVerdict.DeadLettered dead:
                await StoreAsync(() => _transport.BuryAsync(
                    Subscription.Queue, Subscription.Group, job.After(attempt, dead.Reason, DateTimeOffset.UtcNow), dead.Reason)).ConfigureAwait(false);
                return;
            case QueueVerdict.Retried retried:
                await RetryAsync(retried.Delay < _options.Limits.MaxDelay ? retried.Delay : _options.Limits.MaxDelay, retried.Failure).ConfigureAwait(false);
                return;
            default:
                await RetryAsync(_givenUp.IsCancellationRequested ? TimeSpan.Zero : Min(Pause, Subscription.LeaseTime), failure).ConfigureAwait(false);
                return;
        }

        Task RetryAsync(TimeSpan delay, AttemptFailure? why)
        {
            var now = DateTimeOffset.UtcNow;
            return StoreAsync(() => ReturnAsync(job.After(attempt, why, now) with { Due = delay > TimeSpan.Zero ? now + delay : null }));
        }
    }

    /// <summary>Moves what cannot be read to the dead letters, as it is.</summary>
    public Task BuryUnreadableAsync(string messageId, ReadOnlyMemory<byte> body, Exception why)
    {
        _logger.UnreadableMessage(Subscription.Queue, messageId, body.Length, why.Message);
        var now = DateTimeOffset.UtcNow;
        var reason = new AttemptFailure("unreadable_message", why.Message);
        var job = new Job { MessageId = messageId, EnqueuedAt = now, Payload = body }.After(1, reason, now);
        return StoreAsync(() => _transport.BuryAsync(Subscription.Queue, Subscription.Group, job, reason));
    }

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;

    private Task ReturnAsync(Job job) => _transport.ReturnAsync(Subscription.Queue, Subscription.Group, job);

    /// <summary>Runs the handler, until it ends or its verdict no longer counts.</summary>
    private async Task<(QueueVerdict? Verdict, AttemptFailure Failure)> HandleAsync(Job job, CancellationToken lost)
    {
        // Never disposed of: the handler may outlast this call. What leads to it is, or every job would stay as long as its consumer.
        var end = new CancellationTokenSource();
        await using var byLoss = lost.Register(Cancel).ConfigureAwait(false);
        await using var byGivingUp = _givenUp.Token.Register(Cancel).ConfigureAwait(false);
        var running = RunAsync(job, end.Token);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = end.Token.Register(() => ended.TrySetResult()).ConfigureAwait(false);
        if (await Task.WhenAny(running, ended.Task).ConfigureAwait(false) == running && !end.IsCancellationRequested)
        {
            return await running.ConfigureAwait(false);
        }

        lost.ThrowIfCancellationRequested();
        return (null, AttemptHistory.Lost);

        void Cancel() => _ = end.CancelAsync(HandlerFailed);
    }

    private async Task<(QueueVerdict? Verdict, AttemptFailure Failure)> RunAsync(Job job, CancellationToken cancellationToken)
    {
        try
        {
            var verdict = await _handler(job.Describe(Subscription), cancellationToken).ConfigureAwait(false);
            return (verdict, new AttemptFailure(AttemptFailure.HandlerFailed, "The handler returned null."));
        }
#pragma warning disable CA1031 // Whatever a handler throws, its message is delivered again; the owner is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                HandlerFailed(exception);
            }

            return (null, new AttemptFailure(AttemptFailure.HandlerFailed, exception.Message));
        }
    }

    /// <summary>The handler, or what it has registered on its token, threw.</summary>
    private void HandlerFailed(Exception exception)
    {
        _logger.HandlerThrew(exception, Subscription.Queue);
        _options.HandlerFailed(exception);
    }

    /// <summary>Stores a job elsewhere. When that fails, a pause keeps its next delivery, and failure, from coming at once.</summary>
    private async Task StoreAsync(Func<Task> store)
    {
        try
        {
            await store().ConfigureAwait(false);
        }
        catch (BrokerException exception)
        {
            _logger.VerdictFailed(Subscription.Queue, exception.Message);
            await Task.Delay(Pause).ConfigureAwait(false);
            throw;
        }
    }

    private async Task DrainAsync()
    {
        _isStopping = true;
        var source = await _source.Task.ConfigureAwait(false);
        var stopping = source.DisposeAsync().AsTask();
        try
        {
            await stopping.WaitAsync(Subscription.DrainTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _givenUp.CancelAsync().ConfigureAwait(false);

            // Only verdicts are left, which end by themselves.
            await stopping.ConfigureAwait(false);
        }

        Disposed(this);
    }
}
