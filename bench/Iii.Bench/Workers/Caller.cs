using System.Diagnostics;
using Iii.Bench.Wire;

namespace Iii.Bench.Workers;

/// <summary>
/// The calling worker: keeps a fixed number of calls in flight and measures each. A reply starts the next call of its
/// slot, on the receive loop, so no lock and no task stands between them.
/// </summary>
internal sealed class Caller(WorkerConnection connection)
{
    private readonly byte[] _head = "{\"type\":\"invokefunction\",\"invocation_id\":\""u8.ToArray();
    private readonly byte[] _tail = "\",\"function_id\":\"math.add\",\"data\":{\"a\":1,\"b\":2}}"u8.ToArray();
    private readonly List<long> _latencies = [];
    private long[] _started = [];
    private long _deadline;
    private int _inFlight;
    private int _errors;
    private uint _number;
    private TaskCompletionSource? _finished;

    /// <summary>Runs one window; completes when the last call of it was answered.</summary>
    public async Task<CallerReport> RunAsync(int inFlight, TimeSpan duration, CancellationToken cancellation)
    {
        _latencies.Clear();
        _errors = 0;
        _inFlight = inFlight;
        _started = new long[inFlight];
        _finished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var start = Stopwatch.GetTimestamp();
        _deadline = start + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        for (var slot = 0; slot < inFlight; slot++)
        {
            Call(slot);
        }

        connection.Flush();
        await _finished.Task.WaitAsync(cancellation);
        return Report(Stopwatch.GetElapsedTime(start));
    }

    public void Handle(ReadOnlySpan<byte> message)
    {
        if (!Envelope.TryRead(message, out var reply) || reply.Kind != MessageKind.InvocationResult)
        {
            return;
        }

        var slot = SlotOf(reply.InvocationId);
        var now = Stopwatch.GetTimestamp();
        _latencies.Add(now - _started[slot]);
        _errors += reply.Error.IsEmpty ? 0 : 1;
        if (now < _deadline)
        {
            Call(slot);
        }
        else if (--_inFlight == 0)
        {
            _finished!.SetResult();
        }
    }

    private void Call(int slot)
    {
        Span<byte> call = stackalloc byte[_head.Length + 36 + _tail.Length];
        _head.CopyTo(call);
        InvocationId(slot).TryFormat(call[_head.Length..], out _);
        _tail.CopyTo(call[^_tail.Length..]);
        _started[slot] = Stopwatch.GetTimestamp();
        connection.Send(call);
    }

    private Guid InvocationId(int slot)
    {
        var number = ++_number;
        return new Guid(
            slot, 0, 0x4000, 0x80, 0, 0, 0,
            (byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number);
    }

    private static int SlotOf(Guid invocationId)
    {
        Span<byte> bytes = stackalloc byte[16];
        invocationId.TryWriteBytes(bytes);
        return BitConverter.ToInt32(bytes);
    }

    private CallerReport Report(TimeSpan elapsed)
    {
        _latencies.Sort();
        return new CallerReport(_latencies.Count, elapsed.TotalSeconds, _errors, Percentile(0.50), Percentile(0.99));
    }

    private double Percentile(double share)
    {
        var ticks = _latencies[Math.Min((int)(_latencies.Count * share), _latencies.Count - 1)];
        return ticks * 1e6 / Stopwatch.Frequency;
    }
}
