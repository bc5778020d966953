using System.Buffers;

namespace Iii.Bench.Wire;

/// <summary>One message in a pooled array. Exactly one owner at a time, who ends with <see cref="Release"/>.</summary>
internal readonly record struct Message(byte[] Bytes, int Length)
{
    public ReadOnlySpan<byte> Span => Bytes.AsSpan(0, Length);

    public ReadOnlyMemory<byte> Memory => Bytes.AsMemory(0, Length);

    public void Release()
    {
        if (Bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(Bytes);
        }
    }
}
