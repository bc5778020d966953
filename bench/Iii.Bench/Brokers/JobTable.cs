using System.Buffers.Text;
using System.Collections.Concurrent;

namespace Iii.Bench.Brokers;

/// <summary>The jobs under way: a number at the beginning of the payload, which is JSON, tells which one a handler has.</summary>
internal sealed class JobTable
{
    /// <summary>Bytes of a payload.</summary>
    public const int PayloadBytes = 100;

    private const int Digits = 19;
    private static ReadOnlySpan<byte> Head => "{\"n\":\""u8;

    private static readonly byte[] Template = MakeTemplate();

    private readonly ConcurrentDictionary<long, TaskCompletionSource> _jobs = [];
    private long _lastNumber;

    /// <summary>Begins a job.</summary>
    public Job Begin()
    {
        var number = Interlocked.Increment(ref _lastNumber);
        var handled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _jobs[number] = handled;
        var payload = Template.AsSpan().ToArray();
        Utf8Formatter.TryFormat(number, payload.AsSpan(Head.Length, Digits), out _, new('D', Digits));
        return new Job(number, payload, handled.Task);
    }

    /// <summary>A job was handled. One that is not known is left over from an earlier run.</summary>
    public void End(ReadOnlySpan<byte> payload)
    {
        if (payload.Length == PayloadBytes
            && Utf8Parser.TryParse(payload.Slice(Head.Length, Digits), out long number, out _)
            && _jobs.TryRemove(number, out var handled))
        {
            handled.TrySetResult();
        }
    }

    private static byte[] MakeTemplate()
    {
        var payload = new byte[PayloadBytes];
        payload.AsSpan().Fill((byte)'x');
        Head.CopyTo(payload);
        "\",\"pad\":\""u8.CopyTo(payload.AsSpan(Head.Length + Digits));
        "\"}"u8.CopyTo(payload.AsSpan(PayloadBytes - 2));
        return payload;
    }

    /// <summary>A job under way.</summary>
    /// <param name="Number">From 1 on.</param>
    /// <param name="Payload">What to enqueue.</param>
    /// <param name="Handled">Completes when a handler has it.</param>
    internal readonly record struct Job(long Number, byte[] Payload, Task Handled);
}
