using System.Diagnostics;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Reads one queue of a <see cref="DelayKeeper"/> on one session, and publishes each of its messages when it is due.</summary>
/// <remarks>
/// It holds what it has read, up to its prefetch; what lies behind that is not known yet, and may be late. A message whose group is full
/// when it is due goes back into a step, for as long as it has been waiting for room. Cancellations come by the same queue, and whoever cancels
/// is told whether it was in time.
/// </remarks>
#pragma warning disable CA1001 // The timer is disposed by Stop, which every window comes to.
internal sealed class DelayWindow
#pragma warning restore CA1001
{
    /// <summary>Between a publish that failed and the next.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly RabbitMqConnection _connection;
    private readonly QueuePublisher _publisher;
    private readonly DelaySteps _steps;
    private readonly Action? _overflow;
    private readonly Lock _lock = new();
    private readonly HeldMessages _held;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Timer _timer;
    private ConsumingChannel _channel = null!;
    private long _wakesAt = long.MaxValue;
    private int _publishing;
    private bool _isFailing;
    private bool _isOverflowing;
    private bool _isStopped;

    private DelayWindow(RabbitMqConnection connection, QueuePublisher publisher, DelaySteps steps, Action? overflow)
    {
        (_connection, _publisher, _steps, _overflow) = (connection, publisher, steps, overflow);
        _held = new HeldMessages(TimeProvider.System, overflow is null ? null : connection.Options.MaxDelayedBytes / DelaySteps.Shards);
        _timer = new Timer(static window => ((DelayWindow)window!).PublishDue(), this, Timeout.Infinite, Timeout.Infinite);
    }

    /// <summary>Begins to read a queue.</summary>
    /// <param name="connection">The adapter's.</param>
    /// <param name="publisher">Publishes what is due.</param>
    /// <param name="steps">Take what has no room.</param>
    /// <param name="session">Where.</param>
    /// <param name="queue">Its name in the broker.</param>
    /// <param name="prefetch">Most messages that are held.</param>
    /// <param name="overflow">
    /// Called once, when their bodies are too much: the window is to be closed, and takes no more. Null when it is to take them all the same.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public static async Task<DelayWindow> OpenAsync(
        RabbitMqConnection connection,
        QueuePublisher publisher,
        DelaySteps steps,
        LinkSession session,
        string queue,
        ushort prefetch,
        Action? overflow,
        CancellationToken cancellationToken)
    {
        var window = new DelayWindow(connection, publisher, steps, overflow);
        try
        {
            window._channel = await ConsumingChannel.OpenAsync(session, queue, prefetch, window.Take, cancellationToken).ConfigureAwait(false);
            return window;
        }
        catch
        {
            window.Stop();
            throw;
        }
    }

    /// <summary>Publishes no more; the broker gives what is held to somebody else, or again to this instance.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopped = true;
            _held.Clear();
            _timer.Dispose();
            SignalIfIdle();
        }
    }

    /// <summary>Gives back what is held, once it is known what has become of that which is being published.</summary>
    public async Task CloseAsync()
    {
        await _channel.CancelAsync().ConfigureAwait(false);
        Stop();
        await _idle.Task.ConfigureAwait(false);
        await _channel.CloseAsync().ConfigureAwait(false);
    }

    private void Take(ConsumingChannel channel, Arrival arrival)
    {
        var due = DelaySteps.DueOf(arrival.Properties);
        var wait = due - DateTimeOffset.UtcNow;
        var isCancellation = DelaySteps.IsCancellation(arrival.Properties);
        lock (_lock)
        {
            // The first message may come before it is known that reading has begun.
            _channel = channel;
            if (_isStopped || (!isCancellation && !TakeRoom(arrival.Body.Length)))
            {
                return;
            }
        }

        var message = new HeldMessage(arrival.Tag, arrival.RoutingKey, arrival.Properties.MessageId ?? "", due, arrival.Body.ToArray())
        {
            IsCancellation = isCancellation,
            IsRedelivered = arrival.IsRedelivered,
            HasPassedSteps = DelaySteps.HasPassedSteps(arrival.Properties),
            Groups = DelaySteps.GroupsOf(arrival.Properties),
        };
        if (isCancellation)
        {
            TakeCancellation(message, wait, arrival.Properties.ReplyTo);
            return;
        }

        lock (_lock)
        {
            if (!_isStopped)
            {
                _held.Add(message, wait);
                SetTimer();
            }
        }
    }

    /// <summary>
    /// Whether there is room for a body. From the first for which there is none on, the broker gets back what comes when the window is closed.
    /// Under the lock.
    /// </summary>
    private bool TakeRoom(int bytes)
    {
        if (!_isOverflowing && !_held.TryTakeRoom(bytes))
        {
            _isOverflowing = true;
            _overflow!();
        }

        return !_isOverflowing;
    }

    private void TakeCancellation(HeldMessage cancellation, TimeSpan wait, string? replyTo)
    {
        bool isHeld;
        lock (_lock)
        {
            if (_isStopped)
            {
                return;
            }

            isHeld = _held.TryAddCancellation(cancellation, wait, asks: replyTo is not null);
            SetTimer();
        }

        if (!isHeld)
        {
            _channel.Acknowledge(cancellation.Tag);
        }

        // What was answered when it came first, if it was, is not known when it comes again too late.
        if (replyTo is not null && (wait > TimeSpan.Zero || !cancellation.IsRedelivered))
        {
            _ = ReplyAsync(replyTo, cancellation.MessageId, isHeld);
        }
    }

    private async Task ReplyAsync(string replyTo, string messageId, bool isCancelled)
    {
        try
        {
            await _publisher.PublishAsync("", replyTo, messageId, DelayCancellation.Answer(isCancelled), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
        {
            // Who asked gives up waiting, and is told that nobody has answered.
            _connection.Logger.AnswerLost(messageId, exception.Message);
        }
    }

    /// <summary>Sees to it that the window wakes up when the first message is due. Under the lock.</summary>
    private void SetTimer()
    {
        if (_held.FirstDue is not { } due || due >= _wakesAt)
        {
            return;
        }

        _wakesAt = due;
        var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
        _timer.Change(
            wait <= TimeSpan.Zero ? TimeSpan.Zero
            : wait > LongestTimer ? LongestTimer
            : TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)),
            Timeout.InfiniteTimeSpan);
    }

    private void PublishDue()
    {
        List<HeldMessage> due, dropped;
        lock (_lock)
        {
            if (_isStopped)
            {
                return;
            }

            (due, dropped) = _held.TakeDue();
            _publishing += due.Count;
            _wakesAt = long.MaxValue;
            SetTimer();
        }

        dropped.ForEach(message => _channel.Acknowledge(message.Tag));
        due.ForEach(message => _ = PublishAsync(message));
    }

    private async Task PublishAsync(HeldMessage message)
    {
        var isGone = false;
        try
        {
            isGone = await HandOverAsync(message).ConfigureAwait(false) || await StepBackAsync(message).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
        {
            LogFailure(exception);
        }

        if (isGone)
        {
            _channel.Acknowledge(message.Tag);
        }

        lock (_lock)
        {
            _publishing--;
            _isFailing &= !isGone;
            if (_isStopped)
            {
                SignalIfIdle();
            }
            else if (isGone)
            {
                _held.FreeRoom(message);
            }
            else
            {
                _held.Keep(message, Pause);
                SetTimer();
            }
        }
    }

    /// <summary>Once until a message leaves again: all that is due fails, and each every second.</summary>
    private void LogFailure(Exception exception)
    {
        lock (_lock)
        {
            if (_isFailing)
            {
                return;
            }

            _isFailing = true;
        }

        _connection.Logger.DelayedMessagesWait(exception.Message);
    }

    /// <summary>
    /// What is for all groups of a queue goes once more into a delay, that is over: there each gets one of its own. Together they would all get it
    /// again as long as one of them is full.
    /// </summary>
    private async Task<bool> HandOverAsync(HeldMessage message)
    {
        var due = _connection.Names.DueExchange;
        if (message.Groups is { } groups)
        {
            var outcome = await _steps.PublishAsync(due, groups, default, message.Due, message.MessageId, message.Body, groups: null, CancellationToken.None)
                .ConfigureAwait(false);
            if (outcome != PublicationOutcome.Returned)
            {
                return outcome == PublicationOutcome.Stored;
            }

            // There is no group.
        }

        return await _publisher.PublishAsync(due, message.Destination, message.MessageId, message.Body, CancellationToken.None).ConfigureAwait(false)
            != PublicationOutcome.Refused;
    }

    private async Task<bool> StepBackAsync(HeldMessage message)
    {
        var overdue = DateTimeOffset.UtcNow - message.Due;
        var step = DelayPath.StepOf(overdue < LongestPause ? overdue : LongestPause);
        var into = _connection.Names.DelayExchange;
        return await _steps.PublishAsync(into, message.Destination, step, message.Due, message.MessageId, message.Body, message.Groups, CancellationToken.None)
            .ConfigureAwait(false) == PublicationOutcome.Stored;
    }

    private void SignalIfIdle()
    {
        if (_publishing == 0)
        {
            _idle.TrySetResult();
        }
    }
}
