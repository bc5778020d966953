namespace Iii.Broker.Memory;

/// <summary>One list per priority, the highest first; every so often the oldest entry of all is taken, so that none starves.</summary>
internal sealed class PriorityLine : IWaitingLine
{
    /// <summary>One in so many deliveries goes by age alone: the lowest priority gets 3 % under a flood of higher ones.</summary>
    private const int OldestFirstEvery = 32;

    private readonly LinkedList<QueueEntry>?[] _levels = new LinkedList<QueueEntry>?[BrokerLimits.MaxPriority + 1];
    private int _taken;

    public void Join(QueueEntry entry) => (_levels[entry.Message.Priority] ??= []).AddLast(entry.Node);

    public QueueEntry? TakeNext()
    {
        var isTurnOfOldest = (_taken + 1) % OldestFirstEvery == 0;
        QueueEntry? next = null;
        for (var priority = BrokerLimits.MaxPriority; priority >= 0; priority--)
        {
            var head = _levels[priority]?.First?.Value;
            if (head is not null && (next is null || (isTurnOfOldest && head.Sequence < next.Sequence)))
            {
                next = head;
            }
        }

        if (next is not null)
        {
            _taken++;
            Remove(next);
        }

        return next;
    }

    public void Leave(QueueEntry entry)
    {
    }

    public void Remove(QueueEntry entry) => entry.Node.List?.Remove(entry.Node);

    public IReadOnlyList<QueueEntry> Empty()
    {
        var entries = _levels.OfType<LinkedList<QueueEntry>>().SelectMany(level => level).OrderBy(entry => entry.Sequence).ToList();
        entries.ForEach(Remove);
        return entries;
    }
}
