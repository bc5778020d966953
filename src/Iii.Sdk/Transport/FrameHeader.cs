using System.Buffers.Binary;

namespace Iii.Sdk.Transport;

/// <summary>The head of a frame that a server sent: never masked (RFC 6455 §5.1).</summary>
internal readonly record struct FrameHeader(Opcode Opcode, bool IsFinal, int Size, int PayloadLength)
{
    /// <summary>The longest head of a masked frame, in bytes.</summary>
    public const int MaxSize = 14;

    private const byte Final = 0x80;
    private const byte Reserved = 0x70;
    private const byte Masked = 0x80;

    /// <summary>Reads the head at the start of the received bytes.</summary>
    /// <returns>False when there are too few bytes yet.</returns>
    /// <exception cref="InvalidDataException">The server broke the protocol, or the frame is over the limit.</exception>
    public static bool TryRead(ReadOnlySpan<byte> received, int maxPayload, out FrameHeader header)
    {
        header = default;
        if (received.Length < 2)
        {
            return false;
        }

        if ((received[0] & Reserved) != 0 || (received[1] & Masked) != 0)
        {
            throw new InvalidDataException("The engine sent a frame that breaks the WebSocket protocol.");
        }

        var size = 2;
        long length = received[1] & 0x7F;
        if (length == 126)
        {
            size = 4;
        }
        else if (length == 127)
        {
            size = 10;
        }

        if (received.Length < size)
        {
            return false;
        }

        length = size switch
        {
            4 => BinaryPrimitives.ReadUInt16BigEndian(received[2..]),
            10 => BinaryPrimitives.ReadInt64BigEndian(received[2..]),
            _ => length,
        };
        if (length < 0 || length > maxPayload)
        {
            throw new InvalidDataException($"The engine sent a message of {length} bytes; at most {maxPayload} are accepted (MaxMessageBytes).");
        }

        header = new FrameHeader((Opcode)(received[0] & 0x0F), (received[0] & Final) != 0, size, (int)length);
        return true;
    }

    /// <summary>Writes the head of a whole, masked message.</summary>
    /// <returns>Its size.</returns>
    public static int Write(Span<byte> target, Opcode opcode, int payloadLength, uint mask)
    {
        target[0] = (byte)(Final | (byte)opcode);
        var at = 2;
        if (payloadLength < 126)
        {
            target[1] = (byte)(Masked | payloadLength);
        }
        else if (payloadLength <= ushort.MaxValue)
        {
            target[1] = Masked | 126;
            BinaryPrimitives.WriteUInt16BigEndian(target[2..], (ushort)payloadLength);
            at = 4;
        }
        else
        {
            target[1] = Masked | 127;
            BinaryPrimitives.WriteInt64BigEndian(target[2..], payloadLength);
            at = 10;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target[at..], mask);
        return at + sizeof(uint);
    }
}
