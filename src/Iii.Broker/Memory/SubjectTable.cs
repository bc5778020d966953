using System.Collections.Concurrent;

namespace Iii.Broker.Memory;

/// <summary>Who is subscribed to what. Publishers read an immutable array and never lock.</summary>
internal sealed class SubjectTable(BrokerLimits limits)
{
    private readonly ConcurrentDictionary<string, MemorySubscription[]> _subjects = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private int _count;

    public MemorySubscription[] Find(string subject) => _subjects.TryGetValue(subject, out var found) ? found : [];

    public void Add(MemorySubscription subscription)
    {
        lock (_lock)
        {
            if (_count >= limits.MaxNames)
            {
                throw new BrokerException(
                    BrokerErrorCodes.LimitExceeded, $"There are {_count} subscriptions; no more are allowed. Dispose some.");
            }

            _count++;
            _subjects[subscription.Subject] = [.. Find(subscription.Subject), subscription];
        }
    }

    public void Remove(MemorySubscription subscription)
    {
        lock (_lock)
        {
            var remaining = Find(subscription.Subject).Where(other => other != subscription).ToArray();
            _count--;
            if (remaining.Length > 0)
            {
                _subjects[subscription.Subject] = remaining;
            }
            else
            {
                _subjects.TryRemove(subscription.Subject, out _);
            }
        }
    }
}
