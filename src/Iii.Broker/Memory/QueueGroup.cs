namespace Iii.Broker.Memory;

/// <summary>
/// One group of a queue: its copy of the messages, its dead letters and its consumers. Guarded by its queue's lock, apart from
/// what says otherwise.
/// </summary>
internal sealed class QueueGroup
{
    /// <summary>Before a message is delivered again whose handler threw: long enough that a handler that always throws burns no CPU.</summary>
    private static readonly TimeSpan PauseAfterThrow = TimeSpan.FromMilliseconds(100);

    private readonly MemoryQueue _queue;
    private readonly MemoryClock _clock;
    private readonly Dictionary<string, QueueEntry> _entries = new(StringComparer.Ordinal);

    /// <summary>By their sequence, so that a page is found without a walk to it.</summary>
    private readonly SortedSet<(long Sequence, QueueEntry? Entry)> _dead =
        new(Comparer<(long Sequence, QueueEntry? Entry)>.Create(static (left, right) => left.Sequence.CompareTo(right.Sequence)));

    private readonly DelayedEntries _delayed;
    private readonly List<MemoryConsumer> _consumers = [];
    private IWaitingLine _line = new PriorityLine();
    private int _turn;
    private int _delivering;
    private long _lastSequence;

    public QueueGroup(MemoryQueue queue, MemoryClock clock)
    {
        (_queue, _clock) = (queue, clock);
        _delayed = new DelayedEntries(clock, OnDue);
    }

    /// <summary>Null until the group is bound.</summary>
    public string? Name { get; set; }

    public int Count => _entries.Count;

    public int ConsumerCount => _consumers.Count;

    public GroupStats Stats => new(Name ?? "")
    {
        Waiting = _entries.Count - _delayed.Count - _delivering - _dead.Count,
        Delayed = _delayed.Count,
        Delivering = _delivering,
        Dead = _dead.Count,
        Consumers = _consumers.Count,
    };

    public void Add(StoredMessage message, TimeSpan delay)
    {
        var entry = new QueueEntry(message);
        _entries.Add(message.Id, entry);
        Schedule(entry, delay);
        Deliver();
    }

    public void Add(MemoryConsumer consumer)
    {
        var ordering = consumer.Subscription.Ordering;
        if (_consumers.Count > 0 && _consumers[0].Subscription.Ordering != ordering)
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict,
                $"The group '{Name}' of the queue '{_queue.Name}' is consumed with ordering {_consumers[0].Subscription.Ordering}, "
                + $"not {ordering}; all consumers of a group at one time must agree, or use different groups.");
        }

        UseLine(ordering);
        _consumers.Add(consumer);
        Deliver();
    }

    public void Remove(MemoryConsumer consumer) => _consumers.Remove(consumer);

    /// <summary>Starts as many deliveries as waiting entries and free consumers allow.</summary>
    public void Deliver()
    {
        while (FindFreeConsumer() is { } consumer && _line.TakeNext() is { } entry)
        {
            entry.State = EntryState.Delivering;
            entry.Attempt++;
            _delivering++;
            _turn++;
            consumer.Start(entry);
        }
    }

    /// <summary>Carries out a verdict.</summary>
    public void Finish(QueueEntry entry, QueueVerdict verdict)
    {
        _delivering--;
        switch (verdict)
        {
            case QueueVerdict.Acknowledged:
                _line.Leave(entry);
                _entries.Remove(entry.Message.Id);
                break;
            case QueueVerdict.Retried retried:
                if (retried.Failure is not null)
                {
                    entry.AddFailure(retried.Failure, _clock.UtcNow);
                }

                Schedule(entry, retried.Delay < _queue.Limits.MaxDelay ? retried.Delay : _queue.Limits.MaxDelay);
                break;
            case QueueVerdict.DeadLettered dead:
                _line.Leave(entry);
                entry.AddFailure(dead.Reason, _clock.UtcNow);
                Bury(entry);
                break;
        }

        Deliver();
    }

    /// <summary>Puts back an entry whose delivery ended without a verdict.</summary>
    public void GiveBack(QueueEntry entry, AttemptFailure failure)
    {
        var pause = failure.Code == AttemptFailure.HandlerFailed ? PauseAfterThrow : TimeSpan.Zero;
        Finish(entry, QueueVerdict.RetryAfter(pause, failure));
    }

    public bool Cancel(string messageId)
    {
        if (!_entries.TryGetValue(messageId, out var entry) || entry.State is EntryState.Delivering or EntryState.Dead)
        {
            return false;
        }

        if (entry.State == EntryState.Delayed)
        {
            _delayed.Remove(entry);
        }

        if (entry.State == EntryState.Waiting || entry.HoldsLane)
        {
            _line.Remove(entry);
        }

        _entries.Remove(messageId);
        Deliver();
        return true;
    }

    public IEnumerable<(long Position, DeadLetterRecord Record)> ListDead(long after) =>
        from dead in _dead.GetViewBetween((after, null), (long.MaxValue, null))
        where dead.Sequence > after
        select (dead.Sequence, DeadLetterRecord.Of(dead.Entry!.ToDelivery(_queue.Name, Name ?? ""), dead.Entry.DeadAt));

    public bool Redrive(string messageId)
    {
        if (Exhume(messageId) is not { } entry)
        {
            return false;
        }

        entry.StartAfresh();
        Schedule(entry, TimeSpan.Zero);
        Deliver();
        return true;
    }

    public bool Discard(string messageId) => Exhume(messageId) is not null && _entries.Remove(messageId);

    /// <summary>It was removed: lets go of what waits for a time.</summary>
    public void Close() => _delayed.Clear();

    private void Schedule(QueueEntry entry, TimeSpan delay)
    {
        if (!entry.HoldsLane)
        {
            entry.Sequence = ++_lastSequence;
        }

        if (delay > TimeSpan.Zero)
        {
            entry.State = EntryState.Delayed;
            entry.DueAt = _clock.Now + delay;
            _delayed.Add(entry);
        }
        else
        {
            entry.State = EntryState.Waiting;
            _line.Join(entry);
        }
    }

    /// <summary>The timer's callback; takes the lock itself.</summary>
    private void OnDue()
    {
        lock (_queue.Lock)
        {
            while (_delayed.TakeDue() is { } entry)
            {
                Schedule(entry, TimeSpan.Zero);
            }

            Deliver();
        }
    }

    private void UseLine(QueueOrdering ordering)
    {
        var isKeyed = ordering == QueueOrdering.PerKey;
        if (isKeyed == _line is KeyedLine)
        {
            return;
        }

        var waiting = _line.Empty();
        _line = isKeyed ? new KeyedLine() : new PriorityLine();
        foreach (var entry in waiting)
        {
            _line.Join(entry);
        }
    }

    private MemoryConsumer? FindFreeConsumer()
    {
        for (var i = 0; i < _consumers.Count; i++)
        {
            var consumer = _consumers[(int)((uint)(_turn + i) % (uint)_consumers.Count)];
            if (consumer.IsFree)
            {
                return consumer;
            }
        }

        return null;
    }

    private void Bury(QueueEntry entry)
    {
        entry.State = EntryState.Dead;
        entry.DeadAt = _clock.UtcNow;
        entry.Sequence = ++_lastSequence;
        _dead.Add((entry.Sequence, entry));
    }

    private QueueEntry? Exhume(string messageId)
    {
        if (!_entries.TryGetValue(messageId, out var entry) || entry.State != EntryState.Dead)
        {
            return null;
        }

        _dead.Remove((entry.Sequence, entry));
        return entry;
    }
}
