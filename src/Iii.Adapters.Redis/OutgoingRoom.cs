namespace Iii.Adapters.Redis;

/// <summary>The bytes that may be outgoing at one time. Who finds no room waits in line; nobody passes those who wait.</summary>
internal sealed class OutgoingRoom(int limit)
{
    private readonly Lock _lock = new();
    private readonly Queue<Waiter> _line = new();
    private int _used;
    private int _waiting;

    /// <summary>Takes room at once, if there is any and nobody waits for it.</summary>
    public bool TryTake(int bytes) => Volatile.Read(ref _waiting) == 0 && TryReserve(bytes);

    /// <summary>Takes room when there is some, and then, before anybody else comes, does what it is for. That runs under a lock: be short.</summary>
    public Task TakeAsync(int bytes, Action taken, CancellationToken cancellationToken)
    {
        var waiter = new Waiter(bytes, taken, cancellationToken);
        lock (_lock)
        {
            _line.Enqueue(waiter);
            Interlocked.Increment(ref _waiting);
            Serve();
        }

        return waiter.Completion;
    }

    public void Release(int bytes)
    {
        Interlocked.Add(ref _used, -bytes);
        if (Volatile.Read(ref _waiting) > 0)
        {
            lock (_lock)
            {
                Serve();
            }
        }
    }

    private void Serve()
    {
        while (_line.TryPeek(out var first) && first.TryServe(this))
        {
            _line.Dequeue();
            Interlocked.Decrement(ref _waiting);
        }
    }

    private bool TryReserve(int bytes)
    {
        for (var used = Volatile.Read(ref _used); used == 0 || used <= limit - bytes;)
        {
            var seen = Interlocked.CompareExchange(ref _used, used + bytes, used);
            if (seen == used)
            {
                return true;
            }

            used = seen;
        }

        return false;
    }

    private sealed class Waiter
    {
        private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenRegistration _registration;
        private readonly Action _taken;
        private readonly int _bytes;
        private int _isSettled;

        public Waiter(int bytes, Action taken, CancellationToken cancellationToken)
        {
            (_bytes, _taken) = (bytes, taken);
            _registration = cancellationToken.UnsafeRegister(
                static (state, token) =>
                {
                    var waiter = (Waiter)state!;
                    if (waiter.TrySettle())
                    {
                        waiter._completion.SetCanceled(token);
                    }
                },
                this);
        }

        public Task Completion => _completion.Task;

        /// <summary>Under the lock. False when there is no room yet.</summary>
        public bool TryServe(OutgoingRoom room)
        {
            if (Volatile.Read(ref _isSettled) != 0)
            {
                return true;
            }

            if (!room.TryReserve(_bytes))
            {
                return false;
            }

            if (!TrySettle())
            {
                Interlocked.Add(ref room._used, -_bytes);
                return true;
            }

            _taken();
            _registration.Unregister();
            _completion.SetResult();
            return true;
        }

        private bool TrySettle() => Interlocked.Exchange(ref _isSettled, 1) == 0;
    }
}
