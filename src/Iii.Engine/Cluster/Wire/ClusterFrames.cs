using System.Buffers.Binary;
using System.Text;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Wire;

/// <summary>
/// Writes the parts of frames between instances. Every frame starts with a version, its kind and the id of its sender; numbers are
/// little-endian, texts and blobs have their length in front. Payloads are copied, never looked into.
/// </summary>
internal static class ClusterFrames
{
    /// <summary>The version of the frames. An instance ignores frames of another version, and logs it.</summary>
    public const byte Version = 1;

    /// <summary>The longest text, in bytes of UTF-8.</summary>
    public const int MaxTextBytes = ushort.MaxValue;

    public static FrameBuilder Begin(ClusterFrameKind kind, ReadOnlySpan<byte> sender, int capacity)
    {
        var frame = new FrameBuilder(capacity + sender.Length + 3);
        frame.AppendByte(Version);
        frame.AppendByte((byte)kind);
        frame.AppendByte((byte)sender.Length);
        frame.Append(sender);
        return frame;
    }

    public static void AppendByte(this ref FrameBuilder frame, byte value)
    {
        frame.Reserve(1)[0] = value;
        frame.Advance(1);
    }

    public static void AppendUInt32(this ref FrameBuilder frame, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(frame.Reserve(4), value);
        frame.Advance(4);
    }

    public static void AppendUInt64(this ref FrameBuilder frame, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(frame.Reserve(8), value);
        frame.Advance(8);
    }

    public static void AppendUInt128(this ref FrameBuilder frame, UInt128 value)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(frame.Reserve(16), value);
        frame.Advance(16);
    }

    public static void AppendGuid(this ref FrameBuilder frame, Guid value)
    {
        value.TryWriteBytes(frame.Reserve(16));
        frame.Advance(16);
    }

    public static void AppendString(this ref FrameBuilder frame, string text)
    {
        var target = frame.Reserve(2 + Encoding.UTF8.GetMaxByteCount(text.Length));
        var length = Encoding.UTF8.GetBytes(text, target[2..]);
        BinaryPrimitives.WriteUInt16LittleEndian(target, checked((ushort)length));
        frame.Advance(2 + length);
    }

    /// <summary>Text that is bytes already.</summary>
    public static void AppendText(this ref FrameBuilder frame, scoped ReadOnlySpan<byte> utf8)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(frame.Reserve(2), checked((ushort)utf8.Length));
        frame.Advance(2);
        frame.Append(utf8);
    }

    public static void AppendBlob(this ref FrameBuilder frame, scoped ReadOnlySpan<byte> bytes)
    {
        frame.AppendUInt32((uint)bytes.Length);
        frame.Append(bytes);
    }

    /// <summary>Text of any length, or none.</summary>
    public static void AppendOptional(this ref FrameBuilder frame, string? text) =>
        frame.AppendOptional(text is null ? null : Encoding.UTF8.GetBytes(text));

    /// <summary>Bytes, or none.</summary>
    public static void AppendOptional(this ref FrameBuilder frame, byte[]? bytes)
    {
        frame.AppendByte(bytes is null ? (byte)0 : (byte)1);
        if (bytes is not null)
        {
            frame.AppendBlob(bytes);
        }
    }
}
