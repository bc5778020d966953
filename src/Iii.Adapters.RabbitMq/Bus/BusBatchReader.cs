using System.Buffers.Binary;

namespace Iii.Adapters.RabbitMq.Bus;

/// <summary>Takes the frames out of the body that <see cref="BusBatch"/> describes.</summary>
internal ref struct BusBatchReader
{
    private ReadOnlyMemory<byte> _rest;

    private BusBatchReader(ReadOnlyMemory<byte> rest) => _rest = rest;

    /// <summary>False when the body is none of ours; then nothing of it is read, so that no frame is taken from a damaged one.</summary>
    public static bool TryOpen(ReadOnlyMemory<byte> body, out BusBatchReader reader)
    {
        reader = default;
        if (body.Length < BusBatch.HeadBytes || body.Span[0] != BusBatch.Version)
        {
            return false;
        }

        var check = new BusBatchReader(body[BusBatch.HeadBytes..]);
        reader = check;
        while (check.TryReadLength(out var length))
        {
            check._rest = check._rest[(BusBatch.LengthBytes + length)..];
        }

        return check._rest.IsEmpty;
    }

    public bool TryRead(out ReadOnlyMemory<byte> frame)
    {
        if (!TryReadLength(out var length))
        {
            frame = default;
            return false;
        }

        frame = _rest.Slice(BusBatch.LengthBytes, length);
        _rest = _rest[(BusBatch.LengthBytes + length)..];
        return true;
    }

    private readonly bool TryReadLength(out int length)
    {
        length = 0;
        if (_rest.Length < BusBatch.LengthBytes)
        {
            return false;
        }

        length = BinaryPrimitives.ReadInt32BigEndian(_rest.Span);
        return length >= 0 && length <= _rest.Length - BusBatch.LengthBytes;
    }
}
