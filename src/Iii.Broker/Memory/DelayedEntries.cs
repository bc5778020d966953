namespace Iii.Broker.Memory;

/// <summary>Entries that wait for a time, and the one timer that wakes their queue for the earliest. Guarded by its queue's lock.</summary>
#pragma warning disable CA1001 // A timer that is not set holds nothing, and Clear unsets it.
internal sealed class DelayedEntries
#pragma warning restore CA1001
{
    private readonly SortedSet<QueueEntry> _byDue = new(Comparer<QueueEntry>.Create(Compare));
    private readonly MemoryClock _clock;
    private readonly ITimer _timer;

    /// <param name="clock">The world's.</param>
    /// <param name="onDue">Called without the lock when an entry may be due.</param>
    public DelayedEntries(MemoryClock clock, Action onDue)
    {
        _clock = clock;
        _timer = clock.CreateTimer(onDue);
    }

    public int Count => _byDue.Count;

    public void Add(QueueEntry entry)
    {
        _byDue.Add(entry);
        if (_byDue.Min == entry)
        {
            _clock.Set(_timer, entry.DueAt);
        }
    }

    public void Remove(QueueEntry entry) => _byDue.Remove(entry);

    /// <summary>Takes out the earliest entry if its time has come, else sets the timer for it.</summary>
    public QueueEntry? TakeDue()
    {
        if (_byDue.Min is not { } earliest)
        {
            return null;
        }

        if (earliest.DueAt > _clock.Now)
        {
            _clock.Set(_timer, earliest.DueAt);
            return null;
        }

        _byDue.Remove(earliest);
        return earliest;
    }

    public void Clear()
    {
        _byDue.Clear();
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private static int Compare(QueueEntry left, QueueEntry right)
    {
        var byDue = left.DueAt.CompareTo(right.DueAt);
        return byDue != 0 ? byDue : left.Sequence.CompareTo(right.Sequence);
    }
}
