using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Iii.Bench.Wire;

/// <summary>
/// Masked client frames waiting to be written. Whoever sends appends here; the one sender loop takes all of them at
/// once, so many small messages become one write. Safe for concurrent use.
/// </summary>
internal sealed class OutboundFrames
{
    private const int InitialBytes = 4 * 1024;
    private const int MaxHeaderBytes = 14;
    private const byte FinalFrame = 0x80;
    private const byte MaskedFrame = 0x80;

    private readonly Lock _gate = new();
    private readonly uint _mask = (uint)Random.Shared.Next(1, int.MaxValue);
    private byte[] _filling = new byte[InitialBytes];
    private byte[] _spare = new byte[InitialBytes];
    private int _length;

    public void Append(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            Reserve(payload.Length + MaxHeaderBytes);
            var at = WriteHeader(_filling.AsSpan(_length), opcode, payload.Length);
            var target = _filling.AsSpan(_length + at, payload.Length);
            payload.CopyTo(target);
            Mask(target);
            _length += at + payload.Length;
        }
    }

    /// <summary>Everything appended so far. Valid until the next call.</summary>
    public ReadOnlyMemory<byte> TakeAll()
    {
        lock (_gate)
        {
            (_filling, _spare) = (_spare, _filling);
            var taken = _spare.AsMemory(0, _length);
            _length = 0;
            return taken;
        }
    }

    private int WriteHeader(Span<byte> target, Opcode opcode, int payloadLength)
    {
        target[0] = (byte)(FinalFrame | (byte)opcode);
        var at = 2;
        if (payloadLength < 126)
        {
            target[1] = (byte)(MaskedFrame | payloadLength);
        }
        else if (payloadLength <= ushort.MaxValue)
        {
            target[1] = MaskedFrame | 126;
            BinaryPrimitives.WriteUInt16BigEndian(target[2..], (ushort)payloadLength);
            at = 4;
        }
        else
        {
            target[1] = MaskedFrame | 127;
            BinaryPrimitives.WriteUInt64BigEndian(target[2..], (ulong)payloadLength);
            at = 10;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target[at..], _mask);
        return at + sizeof(uint);
    }

    private void Mask(Span<byte> payload)
    {
        var wide = MemoryMarshal.Cast<byte, ulong>(payload);
        var mask = _mask | ((ulong)_mask << 32);
        for (var i = 0; i < wide.Length; i++)
        {
            wide[i] ^= mask;
        }

        var rest = payload[(wide.Length * sizeof(ulong))..];
        for (var i = 0; i < rest.Length; i++)
        {
            rest[i] ^= (byte)(mask >> (8 * i));
        }
    }

    private void Reserve(int more)
    {
        if (_length + more > _filling.Length)
        {
            Array.Resize(ref _filling, Math.Max(_length + more, _filling.Length * 2));
        }
    }
}
