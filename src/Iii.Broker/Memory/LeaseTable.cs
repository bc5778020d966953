namespace Iii.Broker.Memory;

/// <summary>Who holds which lease, and what has been claimed.</summary>
internal sealed class LeaseTable(BrokerLimits limits, MemoryClock clock)
{
    private readonly Dictionary<string, MemoryLease> _held = new(StringComparer.Ordinal);
    private readonly HashSet<string> _claims = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, TimeSpan> _claimsByExpiry = new();
    private readonly Lock _lock = new();
    private long _lastToken;

    public MemoryLease? TryAcquire(string name, Func<long, MemoryLease> create)
    {
        lock (_lock)
        {
            if (_held.ContainsKey(name))
            {
                return null;
            }

            CheckRoom("leases are held", _held.Count);
            return _held[name] = create(++_lastToken);
        }
    }

    public void Release(MemoryLease lease)
    {
        lock (_lock)
        {
            if (_held.TryGetValue(lease.Name, out var holder) && holder == lease)
            {
                _held.Remove(lease.Name);
            }
        }
    }

    public bool TryClaim(string name, TimeSpan retention)
    {
        lock (_lock)
        {
            var now = clock.Now;
            while (_claimsByExpiry.TryPeek(out var oldest, out var expiry) && expiry <= now)
            {
                _claimsByExpiry.Dequeue();
                _claims.Remove(oldest);
            }

            if (_claims.Contains(name))
            {
                return false;
            }

            CheckRoom("claims are remembered", _claims.Count);
            _claims.Add(name);
            _claimsByExpiry.Enqueue(name, now + retention);
            return true;
        }
    }

    private void CheckRoom(string what, int count)
    {
        if (count >= limits.MaxNames)
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"{count} {what}; no more are allowed.");
        }
    }
}
