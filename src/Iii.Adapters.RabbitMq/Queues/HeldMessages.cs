namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Delayed messages by the time when they are due, and cancellations, each until the message that it is for has come in any case.</summary>
/// <remarks>Not safe for concurrent use.</remarks>
/// <param name="time">The clock.</param>
/// <param name="maxBytes">How much the bodies may come to; null for any number.</param>
internal sealed class HeldMessages(TimeProvider time, long? maxBytes)
{
    /// <summary>
    /// What was held before, or lay in steps until it was overdue, comes in any order: a message waits for its cancellation, if there is one.
    /// What was held comes all at once, so it waits for the last of that.
    /// </summary>
    public static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long after its time, or after its cancellation if that is later, a message may still come that was cancelled: what the broker was
    /// moving between steps when it crashed it sends again after three to six minutes.
    /// </summary>
    public static readonly TimeSpan LongestLateness = TimeSpan.FromMinutes(7);

    private readonly PriorityQueue<HeldMessage, (long Due, long Number)> _byDue = new();
    private readonly HashSet<string> _cancelled = new(StringComparer.Ordinal);
    private long _bytes;
    private long _number;
    private long _settledAt;

    /// <summary>When the first is due, as a timestamp of the clock; null when nothing is held.</summary>
    public long? FirstDue => _byDue.TryPeek(out _, out var first) ? first.Due : null;

    /// <summary>Takes room for a body, if there is any.</summary>
    public bool TryTakeRoom(int bytes)
    {
        if (_bytes + bytes > maxBytes)
        {
            return false;
        }

        _bytes += bytes;
        return true;
    }

    /// <summary>Gives the room back that was taken for a message.</summary>
    public void FreeRoom(HeldMessage message) => _bytes -= message.Body.Length;

    /// <summary>Holds a message for which room was taken, for a time.</summary>
    public void Add(HeldMessage message, TimeSpan wait)
    {
        NoteRedelivery(message);
        Keep(message, wait < Settling && message.HasPassedSteps ? Settling : wait);
    }

    /// <summary>Holds a message once more.</summary>
    public void Keep(HeldMessage message, TimeSpan wait) => _byDue.Enqueue(message, (TimestampAfter(wait), _number++));

    /// <summary>Holds a cancellation, unless the message is cancelled already or it comes too late.</summary>
    /// <remarks>
    /// One that asks whether it is in time, and comes for the first time, is for nothing when it is not. Of any other somebody may have been
    /// told that it is: it holds however late it comes.
    /// </remarks>
    /// <param name="cancellation">Its id is that of the message.</param>
    /// <param name="wait">Until the message is due; not positive when it is too late.</param>
    /// <param name="asks">Whether somebody waits to hear it.</param>
    public bool TryAddCancellation(HeldMessage cancellation, TimeSpan wait, bool asks)
    {
        NoteRedelivery(cancellation);
        var isInTime = wait > TimeSpan.Zero;
        if ((!isInTime && asks && !cancellation.IsRedelivered) || !_cancelled.Add(cancellation.MessageId))
        {
            return false;
        }

        Keep(cancellation, (isInTime ? wait : TimeSpan.Zero) + LongestLateness);
        return true;
    }

    /// <summary>What is due now. It is not held any more; the room of what is dropped is free.</summary>
    /// <returns>Messages to be published, and messages that were cancelled with cancellations that are over.</returns>
    public (List<HeldMessage> Due, List<HeldMessage> Dropped) TakeDue()
    {
        var (due, dropped) = (new List<HeldMessage>(), new List<HeldMessage>());
        var now = time.GetTimestamp();
        while (_byDue.TryPeek(out var message, out var first) && first.Due <= now)
        {
            _byDue.Dequeue();
            if (message.IsCancellation)
            {
                _cancelled.Remove(message.MessageId);
                dropped.Add(message);
            }
            else if (IsCancelled(message))
            {
                FreeRoom(message);
                dropped.Add(message);
            }
            else if (message.IsRedelivered && _settledAt > now)
            {
                _byDue.Enqueue(message, (_settledAt, _number++));
            }
            else
            {
                due.Add(message);
            }
        }

        return (due, dropped);
    }

    public void Clear() => _byDue.Clear();

    /// <summary>A retry is not: its cancellation was too late, which is not known any more when that comes again.</summary>
    private bool IsCancelled(HeldMessage message) => _cancelled.Contains(message.MessageId) && !message.IsRetry;

    private void NoteRedelivery(HeldMessage message)
    {
        if (message.IsRedelivered)
        {
            _settledAt = TimestampAfter(Settling);
        }
    }

    private long TimestampAfter(TimeSpan wait) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);
}
