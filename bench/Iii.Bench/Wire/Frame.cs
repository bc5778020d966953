using System.Buffers.Binary;

namespace Iii.Bench.Wire;

/// <summary>One unmasked server frame at the start of a buffer; a server that splits a message is refused.</summary>
internal readonly ref struct Frame(Opcode opcode, ReadOnlySpan<byte> payload, int size)
{
    public Opcode Opcode { get; } = opcode;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    /// <summary>Header and payload together.</summary>
    public int Size { get; } = size;

    /// <summary>False when the buffer does not hold the whole frame yet.</summary>
    public static bool TryRead(ReadOnlySpan<byte> buffer, out Frame frame)
    {
        frame = default;
        if (buffer.Length < 2)
        {
            return false;
        }

        var opcode = (Opcode)(buffer[0] & 0x0f);
        if ((buffer[0] & 0x80) == 0 || opcode == Opcode.Continuation)
        {
            throw new InvalidDataException("The server split a message into fragments; the bench client expects whole frames.");
        }

        var header = (buffer[1] & 0x7f) switch { 126 => 4, 127 => 10, _ => 2 };
        if (buffer.Length < header)
        {
            return false;
        }

        var length = header switch
        {
            4 => BinaryPrimitives.ReadUInt16BigEndian(buffer[2..]),
            10 => checked((int)BinaryPrimitives.ReadUInt64BigEndian(buffer[2..])),
            _ => buffer[1] & 0x7f,
        };
        if (buffer.Length - header < length)
        {
            return false;
        }

        frame = new Frame(opcode, buffer.Slice(header, length), header + length);
        return true;
    }
}
