namespace Iii.Engine.Modules.Http;

/// <summary>Bounds the requests under way. Those beyond the bound wait, first come first served; so many, and so long.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class RequestSlots
{
    private readonly int _limit;
    private readonly int _queueLimit;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiting = new();
    private int _free;

    /// <summary>Sets the bounds.</summary>
    /// <param name="limit">How many requests are under way at most.</param>
    /// <param name="queueLimit">How many wait at most.</param>
    /// <param name="patience">How long each waits at most.</param>
    /// <param name="time">The clock.</param>
    public RequestSlots(int limit, int queueLimit, TimeSpan patience, TimeProvider time)
    {
        _limit = limit;
        _free = limit;
        _queueLimit = queueLimit;
        _patience = patience;
        _time = time;
    }

    /// <summary>Requests under way.</summary>
    public int InUse => _limit - Volatile.Read(ref _free);

    /// <summary>Takes a slot if one is free. Those who wait go first: a slot is only free when nobody waits.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_free == 0)
            {
                return false;
            }

            _free--;
            return true;
        }
    }

    /// <summary>Waits for a slot.</summary>
    /// <returns>False when too many wait already, the patience is at its end, or the client has left.</returns>
    public async ValueTask<bool> EnterAsync(CancellationToken clientLeft)
    {
        var waiter = new Waiter();
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                return true;
            }

            if (_waiting.Count >= _queueLimit)
            {
                return false;
            }

            waiter.Node = _waiting.AddLast(waiter);
        }

        await using var timer = _time.CreateTimer(
            static state => ((Waiter)state!).TrySetResult(false), waiter, _patience, Timeout.InfiniteTimeSpan);
        await using var registration = clientLeft.UnsafeRegister(static state => ((Waiter)state!).TrySetResult(false), waiter);
        var hasSlot = await waiter.Task;
        if (!hasSlot)
        {
            lock (_lock)
            {
                if (waiter.Node.List is not null)
                {
                    _waiting.Remove(waiter.Node);
                }
            }
        }

        return hasSlot;
    }

    /// <summary>Gives a slot back, to the one who has waited longest if anybody does.</summary>
    public void Exit()
    {
        lock (_lock)
        {
            while (_waiting.First is { } first)
            {
                _waiting.RemoveFirst();
                if (first.Value.TrySetResult(true))
                {
                    return;
                }
            }

            _free++;
        }
    }

    private sealed class Waiter() : TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public LinkedListNode<Waiter>? Node { get; set; }
    }
}
