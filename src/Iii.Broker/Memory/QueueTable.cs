using System.Collections.Concurrent;

namespace Iii.Broker.Memory;

/// <summary>The queues of a world. A queue is never removed; <see cref="BrokerLimits.MaxNames"/> bounds them.</summary>
internal sealed class QueueTable(MemoryWorldOptions options, MemoryClock clock)
{
    private readonly ConcurrentDictionary<string, MemoryQueue> _queues = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    public MemoryQueue? Find(string name) => _queues.GetValueOrDefault(name);

    public MemoryQueue GetOrAdd(string name)
    {
        if (_queues.TryGetValue(name, out var known))
        {
            return known;
        }

        lock (_lock)
        {
            if (_queues.Count >= options.Limits.MaxNames && !_queues.ContainsKey(name))
            {
                throw new BrokerException(
                    BrokerErrorCodes.LimitExceeded, $"There are {_queues.Count} queues; no more are allowed. Use fewer names.");
            }

            return _queues.GetOrAdd(name, static (key, table) => new MemoryQueue(key, table.Limits, table.Clock), (options.Limits, Clock: clock));
        }
    }

    public Page<string> List(PageRequest page)
    {
        var names = _queues.Keys
            .Where(name => page.After is null || BrokerNames.Utf8Order.Compare(name, page.After) > 0)
            .Order(BrokerNames.Utf8Order)
            .Take(page.Limit + 1)
            .ToList();
        return names.Count > page.Limit
            ? new Page<string>(names[..page.Limit], names[page.Limit - 1])
            : new Page<string>(names, null);
    }
}
