using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>The highest priority first; every so often the oldest entry of all is taken, so that none starves.</summary>
internal sealed class PriorityLine : IWaitingLine
{
    /// <summary>One in so many deliveries goes by age alone: the lowest priority gets 3 % under a flood of higher ones.</summary>
    private const int OldestFirstEvery = 32;

    private readonly PriorityLevel[] _levels;
    private int _taken;

    public PriorityLine(LineReader reader, LineWindow window) =>
        _levels = [.. Enumerable.Range(0, BrokerLimits.MaxPriority + 1).Select(priority => new PriorityLevel(reader, window, priority))];

    public bool HasMore => false;

    public void Join(LineEntry entry) => _levels[entry.Priority].Join(entry);

    public bool TryPass(LineEntry entry)
    {
        foreach (var level in _levels)
        {
            if (level.TryPeek(out _))
            {
                return false;
            }
        }

        return true;
    }

    public bool TryTakeNext(out LineEntry next)
    {
        var isTurnOfOldest = (_taken + 1) % OldestFirstEvery == 0;
        PriorityLevel? from = null;
        next = default;
        for (var priority = BrokerLimits.MaxPriority; priority >= 0 && (from is null || isTurnOfOldest); priority--)
        {
            if (_levels[priority].TryPeek(out var head) && (from is null || head.Position < next.Position))
            {
                (from, next) = (_levels[priority], head);
            }
        }

        if (from is null)
        {
            return false;
        }

        from.Take();
        _taken++;
        return true;
    }

    public void Leave(LineEntry entry)
    {
    }
}
