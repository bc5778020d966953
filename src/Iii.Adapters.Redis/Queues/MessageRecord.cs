using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Iii.Adapters.Redis.Queues;

/// <summary>A message as it is stored.</summary>
/// <remarks>
/// <code>
/// record  = version priority key count header* payload
/// version = 1 byte, 0x01
/// priority = 1 byte, a digit
/// key     = text, the ordering key; empty for none
/// count   = 1 byte
/// header  = text text, name and value
/// text    = length bytes; length is 2 bytes, unsigned, big endian; bytes are UTF-8
/// payload = the rest
/// </code>
/// The scripts read as far as the key.
/// </remarks>
internal sealed record MessageRecord(
    int Priority, string? OrderingKey, IReadOnlyDictionary<string, string> Headers, ReadOnlyMemory<byte> Payload)
{
    private const byte Version = 1;
    private const byte Zero = (byte)'0';

    public static IReadOnlyDictionary<string, string> NoHeaders { get; } = FrozenDictionary<string, string>.Empty;

    public static byte[] Write(QueueMessage message, EnqueueOptions options)
    {
        var key = options.OrderingKey ?? "";
        var length = 2 + TextLength(key) + 1 + message.Payload.Length;
        foreach (var (name, value) in message.Headers)
        {
            length += TextLength(name) + TextLength(value);
        }

        var record = GC.AllocateUninitializedArray<byte>(length);
        record[0] = Version;
        record[1] = (byte)(Zero + options.Priority);
        var rest = record.AsSpan(2);
        WriteText(ref rest, key);
        rest[0] = (byte)message.Headers.Count;
        rest = rest[1..];
        foreach (var (name, value) in message.Headers)
        {
            WriteText(ref rest, name);
            WriteText(ref rest, value);
        }

        message.Payload.Span.CopyTo(rest);
        return record;
    }

    /// <summary>Reads a record; the payload is a part of it.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out MessageRecord? record)
    {
        record = null;
        var rest = bytes;
        if (rest.Length < 2 || rest.Span[0] != Version || rest.Span[1] is < Zero or > Zero + BrokerLimits.MaxPriority)
        {
            return false;
        }

        var priority = rest.Span[1] - Zero;
        rest = rest[2..];
        if (!TryReadText(ref rest, out var key) || rest.IsEmpty || !TryReadHeaders(ref rest, out var headers))
        {
            return false;
        }

        record = new MessageRecord(priority, key.Length == 0 ? null : key, headers, rest);
        return true;
    }

    private static bool TryReadHeaders(ref ReadOnlyMemory<byte> rest, out IReadOnlyDictionary<string, string> headers)
    {
        headers = NoHeaders;
        var count = rest.Span[0];
        rest = rest[1..];
        if (count == 0)
        {
            return true;
        }

        var read = new Dictionary<string, string>(count);
        for (var i = 0; i < count; i++)
        {
            if (!TryReadText(ref rest, out var name) || !TryReadText(ref rest, out var value))
            {
                return false;
            }

            read[name] = value;
        }

        headers = read;
        return true;
    }

    private static int TextLength(string text) => sizeof(ushort) + Encoding.UTF8.GetByteCount(text);

    private static void WriteText(ref Span<byte> rest, string text)
    {
        var length = Encoding.UTF8.GetBytes(text, rest[sizeof(ushort)..]);
        BinaryPrimitives.WriteUInt16BigEndian(rest, (ushort)length);
        rest = rest[(sizeof(ushort) + length)..];
    }

    private static bool TryReadText(ref ReadOnlyMemory<byte> rest, out string text)
    {
        text = "";
        if (rest.Length < sizeof(ushort))
        {
            return false;
        }

        var end = sizeof(ushort) + BinaryPrimitives.ReadUInt16BigEndian(rest.Span);
        if (end > rest.Length)
        {
            return false;
        }

        text = Encoding.UTF8.GetString(rest.Span[sizeof(ushort)..end]);
        rest = rest[end..];
        return true;
    }
}
