using System.Diagnostics;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>The messages of one queue of a <see cref="DelayKeeper"/> that are held on one session, by the time when they are due.</summary>
/// <remarks>
/// It holds what it has read, up to its prefetch; what lies behind that is not known yet, and may be late. A message whose group is full
/// when it is due goes back into a step, for as long as it has been waiting for room. A cancellation is held as well, from before the message
/// that it is for is due until that has come in any case; whoever cancels is told whether it was in time.
/// </remarks>
#pragma warning disable CA1001 // The timer is disposed by Stop, which every window comes to.
internal sealed class DelayWindow
#pragma warning restore CA1001
{
    /// <summary>Between a publish that failed and the next.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <summary>
    /// What was held before, or lay in steps until it was overdue, comes in any order: a message waits for its cancellation, if there is one.
    /// What was held comes all at once, so it waits for the last of that.
    /// </summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long after its time, or after its cancellation if that is later, a message may still come that was cancelled: what the broker was
    /// moving between steps when it crashed it sends again after three to six minutes.
    /// </summary>
    private static readonly TimeSpan LongestLateness = TimeSpan.FromMinutes(7);

    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly RabbitMqConnection _connection;
    private readonly QueuePublisher _publisher;
    private readonly DelaySteps _steps;
    private readonly Action? _overflow;
    private readonly Lock _lock = new();
    private readonly PriorityQueue<Kept, (long Due, long Number)> _byDue = new();
    private readonly HashSet<string> _cancelled = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Timer _timer;
    private readonly long _maxBytes;
    private ConsumingChannel _channel = null!;
    private long _bytes;
    private long _number;
    private long _settledAt;
    private int _publishing;
    private bool _isFailing;
    private bool _isOverflowing;
    private bool _isStopped;

    private DelayWindow(RabbitMqConnection connection, QueuePublisher publisher, DelaySteps steps, Action? overflow)
    {
        (_connection, _publisher, _steps, _overflow) = (connection, publisher, steps, overflow);
        _maxBytes = connection.Options.MaxDelayedBytes / DelaySteps.Shards;
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
            _byDue.Clear();
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
        if (!isCancellation && !TakeRoom(arrival.Body.Length))
        {
            return;
        }

        var kept = new Kept(channel, arrival.Tag, arrival.RoutingKey, arrival.Properties.MessageId ?? "", due, arrival.Body.ToArray())
        {
            IsCancellation = isCancellation,
            IsRedelivered = arrival.IsRedelivered,
            Groups = DelaySteps.GroupsOf(arrival.Properties),
        };
        if (isCancellation)
        {
            TakeCancellation(kept, wait, arrival.Properties.ReplyTo);
            return;
        }

        lock (_lock)
        {
            if (_isStopped)
            {
                return;
            }

            NoteRedelivery(kept);
            Keep(kept, wait < Settling && DelaySteps.HasPassedSteps(arrival.Properties) ? Settling : wait);
        }
    }

    /// <summary>Whether there is room for a body. From the first for which there is none on, the broker gets back what comes when the window is closed.</summary>
    private bool TakeRoom(int bytes)
    {
        lock (_lock)
        {
            if (!_isOverflowing && _overflow is not null && _bytes + bytes > _maxBytes)
            {
                _isOverflowing = true;
                _overflow();
            }

            _bytes += _isOverflowing ? 0 : bytes;
            return !_isOverflowing;
        }
    }

    /// <summary>
    /// One that asks whether it is in time, and comes for the first time, is for nothing when it is not. Of any other somebody may have been told
    /// that it is: it holds however late it comes.
    /// </summary>
    private void TakeCancellation(Kept kept, TimeSpan wait, string? replyTo)
    {
        var isInTime = wait > TimeSpan.Zero;
        bool isKept;
        lock (_lock)
        {
            if (_isStopped)
            {
                return;
            }

            NoteRedelivery(kept);
            isKept = (isInTime || kept.IsRedelivered || replyTo is null) && _cancelled.Add(kept.MessageId);
            if (isKept)
            {
                Keep(kept, (isInTime ? wait : TimeSpan.Zero) + LongestLateness);
            }
        }

        if (!isKept)
        {
            kept.Channel.Acknowledge(kept.Tag);
        }

        // What was answered when it came first, if it was, is not known when it comes again too late.
        if (replyTo is not null && (isInTime || !kept.IsRedelivered))
        {
            _ = ReplyAsync(replyTo, kept.MessageId, isKept);
        }
    }

    /// <summary>Under the lock.</summary>
    private void NoteRedelivery(Kept kept)
    {
        if (kept.IsRedelivered)
        {
            _settledAt = TimestampAfter(Settling);
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

    /// <summary>Under the lock.</summary>
    private void Keep(Kept kept, TimeSpan wait)
    {
        var due = TimestampAfter(wait);
        var isFirst = !_byDue.TryPeek(out _, out var first) || due < first.Due;
        _byDue.Enqueue(kept, (due, _number++));
        if (isFirst)
        {
            SetTimer(due);
        }
    }

    private static long TimestampAfter(TimeSpan wait) => Stopwatch.GetTimestamp() + (long)(wait.TotalSeconds * Stopwatch.Frequency);

    private void SetTimer(long due)
    {
        var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
        _timer.Change(
            wait <= TimeSpan.Zero ? TimeSpan.Zero
            : wait > LongestTimer ? LongestTimer
            : TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)),
            Timeout.InfiniteTimeSpan);
    }

    private void PublishDue()
    {
        foreach (var kept in TakeDue())
        {
            _ = PublishAsync(kept);
        }
    }

    private List<Kept> TakeDue()
    {
        var due = new List<Kept>();
        lock (_lock)
        {
            if (_isStopped)
            {
                return due;
            }

            var now = Stopwatch.GetTimestamp();
            while (_byDue.TryPeek(out var kept, out var first))
            {
                if (first.Due > now)
                {
                    SetTimer(first.Due);
                    break;
                }

                _byDue.Dequeue();
                if (kept.IsCancellation || IsCancelled(kept))
                {
                    Drop(kept);
                }
                else if (kept.IsRedelivered && _settledAt > now)
                {
                    _byDue.Enqueue(kept, (_settledAt, _number++));
                }
                else
                {
                    due.Add(kept);
                }
            }

            _publishing += due.Count;
            return due;
        }
    }

    /// <summary>
    /// A message that waits for its next attempt is not: its cancellation was too late, which is not known any more when that comes again.
    /// Under the lock.
    /// </summary>
    private bool IsCancelled(Kept kept) => _cancelled.Contains(kept.MessageId) && QueueRecordFormat.TryRead(kept.Body) is not { Attempts: > 0 };

    /// <summary>Under the lock.</summary>
    private void Drop(Kept kept)
    {
        kept.Channel.Acknowledge(kept.Tag);
        _bytes -= kept.Body.Length;
        if (kept.IsCancellation)
        {
            _cancelled.Remove(kept.MessageId);
        }
    }

    private async Task PublishAsync(Kept kept)
    {
        var isGone = false;
        try
        {
            isGone = await HandOverAsync(kept).ConfigureAwait(false) || await StepBackAsync(kept).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
        {
            LogFailure(exception);
        }

        if (isGone)
        {
            kept.Channel.Acknowledge(kept.Tag);
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
                _bytes -= kept.Body.Length;
            }
            else
            {
                Keep(kept, Pause);
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
    private async Task<bool> HandOverAsync(Kept kept)
    {
        var due = _connection.Names.DueExchange;
        if (kept.Groups is { } groups)
        {
            var outcome = await _steps.PublishAsync(due, groups, default, kept.Due, kept.MessageId, kept.Body, groups: null, CancellationToken.None)
                .ConfigureAwait(false);
            if (outcome != PublicationOutcome.Returned)
            {
                return outcome == PublicationOutcome.Stored;
            }

            // There is no group.
        }

        return await _publisher.PublishAsync(due, kept.Destination, kept.MessageId, kept.Body, CancellationToken.None).ConfigureAwait(false)
            != PublicationOutcome.Refused;
    }

    private async Task<bool> StepBackAsync(Kept kept)
    {
        var overdue = DateTimeOffset.UtcNow - kept.Due;
        var step = DelayPath.StepOf(overdue < LongestPause ? overdue : LongestPause);
        var into = _connection.Names.DelayExchange;
        return await _steps.PublishAsync(into, kept.Destination, step, kept.Due, kept.MessageId, kept.Body, kept.Groups, CancellationToken.None)
            .ConfigureAwait(false) == PublicationOutcome.Stored;
    }

    private void SignalIfIdle()
    {
        if (_publishing == 0)
        {
            _idle.TrySetResult();
        }
    }

    private sealed record Kept(ConsumingChannel Channel, ulong Tag, string Destination, string MessageId, DateTimeOffset Due, byte[] Body)
    {
        public bool IsCancellation { get; init; }

        public bool IsRedelivered { get; init; }

        public string? Groups { get; init; }
    }
}
