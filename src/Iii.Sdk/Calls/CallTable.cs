using System.Collections.Concurrent;
using Iii.Protocol;
using Iii.Sdk.Transport;

namespace Iii.Sdk.Calls;

/// <summary>The calls under way, by number; ends those whose time is over.</summary>
internal sealed class CallTable : IDisposable
{
    /// <summary>A deadline is never early and at most this late.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<long, PendingCall> _calls = new();
    private readonly TimeProvider _time;
    private readonly ITimer _sweeper;
    private long _number;
    private int _isSweeping;

    public CallTable(TimeProvider time)
    {
        _time = time;
        _sweeper = time.CreateTimer(static table => ((CallTable)table!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public CallIds Ids { get; } = new();

    /// <summary>Notes a call.</summary>
    public void Add(PendingCall call, TimeSpan timeout)
    {
        call.Deadline = _time.GetTimestamp() + (long)(timeout.TotalSeconds * _time.TimestampFrequency);
        call.Number = Interlocked.Increment(ref _number);
        _calls[call.Number] = call;
        if (Volatile.Read(ref _isSweeping) == 0 && Interlocked.Exchange(ref _isSweeping, 1) == 0)
        {
            _sweeper.Change(SweepInterval, SweepInterval);
        }
    }

    /// <summary>Takes the call of an answer out.</summary>
    public PendingCall? Take(JsonSlice invocationId) => Ids.TryGetNumber(invocationId, out var number) ? Take(number) : null;

    public PendingCall? Take(long number) => _calls.TryRemove(number, out var call) ? call : null;

    /// <summary>Whether the call has not ended yet.</summary>
    public bool Holds(PendingCall call) => _calls.ContainsKey(call.Number);

    /// <summary>Ends the calls that were sent on a link, now lost; null for all calls.</summary>
    public void FailAll(WebSocketLink? sentOn, Func<PendingCall, Exception> error)
    {
        foreach (var (number, call) in _calls)
        {
            if ((sentOn is null || call.SentOn == sentOn) && Take(number) is not null)
            {
                call.Fail(error(call));
            }
        }
    }

    public void Dispose() => _sweeper.Dispose();

    private void Sweep()
    {
        var now = _time.GetTimestamp();
        foreach (var (number, call) in _calls)
        {
            if (call.Deadline <= now && Take(number) is not null)
            {
                call.Fail(new IiiTimeoutException(call.FunctionId, call.SentOn is null
                    ? $"{call.FunctionId} could not be called: there was no connection to the engine in the time given"
                    : $"{call.FunctionId} did not answer in the time given"));
            }
        }

        if (_calls.IsEmpty)
        {
            _sweeper.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Volatile.Write(ref _isSweeping, 0);

            // A call noted in between has seen the flag up.
            if (!_calls.IsEmpty && Interlocked.Exchange(ref _isSweeping, 1) == 0)
            {
                _sweeper.Change(SweepInterval, SweepInterval);
            }
        }
    }
}
