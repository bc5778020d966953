using System.Buffers.Binary;
using System.Text;

namespace Iii.Engine.Cluster.Wire;

/// <summary>Reads the parts of a frame between instances, in the order in which they were written.</summary>
/// <exception cref="FormatException">From every member: the frame ends too early.</exception>
internal ref struct ClusterFrameReader
{
    private ReadOnlySpan<byte> _rest;

    private ClusterFrameReader(ReadOnlySpan<byte> rest) => _rest = rest;

    /// <summary>What has not been read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>Reads what every frame starts with.</summary>
    /// <returns>False for a frame of another version, or of none.</returns>
    public static bool TryBegin(
        ReadOnlySpan<byte> frame, out ClusterFrameKind kind, out ReadOnlySpan<byte> sender, out ClusterFrameReader reader)
    {
        kind = default;
        sender = default;
        reader = default;
        if (frame.Length < 3 || frame[0] != ClusterFrames.Version || frame.Length < 3 + frame[2])
        {
            return false;
        }

        kind = (ClusterFrameKind)frame[1];
        sender = frame.Slice(3, frame[2]);
        reader = new ClusterFrameReader(frame[(3 + frame[2])..]);
        return true;
    }

    /// <summary>Reads something that was written without a beginning.</summary>
    public static ClusterFrameReader Of(ReadOnlySpan<byte> bytes) => new(bytes);

    public byte ReadByte() => Take(1)[0];

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public UInt128 ReadUInt128() => BinaryPrimitives.ReadUInt128LittleEndian(Take(16));

    public Guid ReadGuid() => new(Take(16));

    public string ReadString() => Encoding.UTF8.GetString(ReadText());

    public ReadOnlySpan<byte> ReadText() => Take(BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));

    public ReadOnlySpan<byte> ReadBlob()
    {
        var length = ReadUInt32();
        return Take(length <= int.MaxValue ? (int)length : int.MaxValue);
    }

    public string? ReadOptionalString() => ReadByte() == 0 ? null : Encoding.UTF8.GetString(ReadBlob());

    public byte[]? ReadOptionalBlob() => ReadByte() == 0 ? null : ReadBlob().ToArray();

    private ReadOnlySpan<byte> Take(int count)
    {
        if (_rest.Length < count)
        {
            throw new FormatException($"{count} bytes were expected, {_rest.Length} are left");
        }

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
