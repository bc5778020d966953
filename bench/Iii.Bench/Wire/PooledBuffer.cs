using System.Buffers;

namespace Iii.Bench.Wire;

/// <summary>A growing buffer from the shared pool whose content can be handed on without a copy.</summary>
internal sealed class PooledBuffer : IBufferWriter<byte>
{
    private const int InitialBytes = 1024;
    private byte[]? _bytes;
    private int _length;

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(_length);
    }

    /// <summary>Hands the content over; the taker returns it to the pool. This buffer starts anew.</summary>
    public Message Detach()
    {
        var message = new Message(_bytes ?? [], _length);
        _bytes = null;
        _length = 0;
        return message;
    }

    /// <summary>Drops the content.</summary>
    public void Clear() => _length = 0;

    private void Reserve(int sizeHint)
    {
        var needed = _length + Math.Max(sizeHint, 1);
        if (_bytes is null)
        {
            _bytes = ArrayPool<byte>.Shared.Rent(Math.Max(needed, InitialBytes));
        }
        else if (needed > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _bytes.Length * 2));
            _bytes.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
    }
}
