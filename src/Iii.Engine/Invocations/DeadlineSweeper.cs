using System.Collections.Concurrent;
using Iii.Protocol;

namespace Iii.Engine.Invocations;

/// <summary>Ends invocations whose deadline has passed: never early, and late by at most <see cref="Period"/>.</summary>
/// <remarks>One timer for all calls, which rests while nothing is under way: a timer per call would cost more than the call.</remarks>
internal sealed class DeadlineSweeper : IDisposable
{
    /// <summary>How often deadlines are looked at.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(50);

    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<PendingTable, byte> _tables = new();
    private readonly List<PendingInvocation> _overdue = [];
    private readonly Lock _sweeping = new();
    private readonly ITimer _timer;
    private int _isRunning;

    public DeadlineSweeper(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static state => ((DeadlineSweeper)state!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Looks after a table until <see cref="Remove"/>.</summary>
    public void Add(PendingTable table) => _tables.TryAdd(table, 0);

    public void Remove(PendingTable table) => _tables.TryRemove(table, out _);

    /// <summary>Says that an invocation was added to a table.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _isRunning) == 0 && Interlocked.Exchange(ref _isRunning, 1) == 0)
        {
            _timer.Change(Period, Period);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Sweep()
    {
        if (!_sweeping.TryEnter())
        {
            return;
        }

        try
        {
            var now = _time.GetTimestamp();
            var isIdle = true;
            foreach (var (table, _) in _tables)
            {
                table.TakeOverdue(now, _overdue);
                isIdle &= table.Count == 0;
            }

            foreach (var pending in _overdue)
            {
                pending.Complete(InvocationOutcome.Failure(
                    ErrorCodes.InvocationTimeout,
                    $"Function {pending.Function?.Id} did not answer within {pending.Timeout.TotalMilliseconds:0} ms"));
            }

            _overdue.Clear();
            if (isIdle)
            {
                Rest();
            }
        }
        finally
        {
            _sweeping.Exit();
        }
    }

    private void Rest()
    {
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Volatile.Write(ref _isRunning, 0);

        // An invocation may have been added, and seen the timer still running, between the count and the line above.
        Interlocked.MemoryBarrier();
        if (_tables.Any(static entry => entry.Key.Count > 0))
        {
            Wake();
        }
    }
}
