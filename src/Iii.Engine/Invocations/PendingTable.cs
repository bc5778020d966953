namespace Iii.Engine.Invocations;

/// <summary>The invocations that one provider works on, by the id of their dispatch.</summary>
/// <remarks>Thread-safe. The lock is held for a dictionary operation, never while an invocation is ended.</remarks>
internal sealed class PendingTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, PendingInvocation> _pending = [];
    private bool _isClosed;

    /// <summary>How many invocations are under way.</summary>
    public int Count { get; private set; }

    /// <summary>Notes an invocation before it is dispatched.</summary>
    /// <returns>False when the provider is gone.</returns>
    public bool TryAdd(PendingInvocation pending)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return false;
            }

            _pending.Add(pending.DispatchId, pending);
            Count = _pending.Count;
            return true;
        }
    }

    /// <summary>Takes an invocation out, to end it.</summary>
    /// <returns>Null when it is not there: never was, or has ended.</returns>
    public PendingInvocation? Take(Guid dispatchId)
    {
        lock (_lock)
        {
            _pending.Remove(dispatchId, out var pending);
            Count = _pending.Count;
            return pending;
        }
    }

    /// <summary>Takes out the invocations whose deadline has passed.</summary>
    public void TakeOverdue(long now, List<PendingInvocation> overdue)
    {
        if (Count == 0)
        {
            return;
        }

        lock (_lock)
        {
            foreach (var pending in _pending.Values)
            {
                if (pending.Deadline <= now)
                {
                    overdue.Add(pending);
                    _pending.Remove(pending.DispatchId);
                }
            }

            Count = _pending.Count;
        }
    }

    /// <summary>Takes all invocations out that are under way; there may be further ones.</summary>
    public IReadOnlyCollection<PendingInvocation> TakeAll()
    {
        lock (_lock)
        {
            var all = _pending.Values.ToArray();
            _pending.Clear();
            Count = 0;
            return all;
        }
    }

    /// <summary>Refuses further invocations and takes all that are under way out.</summary>
    public IReadOnlyCollection<PendingInvocation> Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            var remaining = _pending.Values.ToArray();
            _pending.Clear();
            Count = 0;
            return remaining;
        }
    }
}
