using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace Iii.Bench.Brokers;

/// <summary>The jobs under way: a number at the beginning of the payload tells which one a handler has.</summary>
internal sealed class JobTable
{
    private readonly ConcurrentDictionary<long, TaskCompletionSource<int>> _jobs = [];
    private long _lastNumber;

    /// <summary>Begins a job: its payload, and what completes when it was handled.</summary>
    public (byte[] Payload, Task<int> Handled) Begin(ReadOnlyMemory<byte> payload)
    {
        var number = Interlocked.Increment(ref _lastNumber);
        var handled = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _jobs[number] = handled;
        var bytes = new byte[sizeof(long) + payload.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        payload.CopyTo(bytes.AsMemory(sizeof(long)));
        return (bytes, handled.Task);
    }

    /// <summary>A job was handled. One that is not known is left over from an earlier run.</summary>
    public void End(ReadOnlySpan<byte> payload)
    {
        if (_jobs.TryRemove(BinaryPrimitives.ReadInt64LittleEndian(payload), out var handled))
        {
            handled.TrySetResult(payload.Length - sizeof(long));
        }
    }
}
