namespace Iii.Sdk.Transport;

/// <summary>
/// What the messages of one read gave to do: continuations of calls and handlers, which run user code. A few threads of the
/// pool work through it, instead of one work item each.
/// </summary>
/// <remarks>
/// <para>While parts are left, one more run is queued in the pool. So a part that blocks its thread holds up no other, and
/// as many parts run at once as the pool has threads for: as if each had been queued by itself, in order.</para>
/// <para>Whoever ends the last part writes what all of them sent.</para>
/// </remarks>
internal sealed class WorkBatch(OutboundFrames outbound) : IThreadPoolWorkItem
{
    private const int InitialParts = 16;

    private IThreadPoolWorkItem?[] _parts = new IThreadPoolWorkItem?[InitialParts];
    private int _count;
    private int _next;
    private int _ended;

    public bool IsEmpty => _count == 0;

    /// <summary>Adds a part. Only before the batch is first run, and by one thread.</summary>
    public void Add(IThreadPoolWorkItem part)
    {
        if (_count == _parts.Length)
        {
            Array.Resize(ref _parts, _count * 2);
        }

        _parts[_count++] = part;
    }

    /// <summary>Runs parts until none is left, or for a few milliseconds. May be called on many threads at once.</summary>
    public void Execute()
    {
        var at = Interlocked.Increment(ref _next) - 1;
        if (at >= _count)
        {
            return;
        }

        if (at < _count - 1)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        var started = Environment.TickCount64;
        var context = ExecutionContext.Capture();
        do
        {
            var part = _parts[at]!;
            _parts[at] = null;
            part.Execute();
            if (context is not null)
            {
                ExecutionContext.Restore(context);
            }

            if (Interlocked.Increment(ref _ended) == _count)
            {
                outbound.Flush();
                return;
            }

            // Other work of the pool gets its turn; the queued run goes on.
            if (Environment.TickCount64 != started)
            {
                return;
            }

            at = Interlocked.Increment(ref _next) - 1;
        }
        while (at < _count);
    }
}
