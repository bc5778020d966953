using Iii.Engine.Cluster.Wire;
using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Copies;

/// <summary>The catalog's entry about the places that an instance has of a limit.</summary>
internal static class PlacesEntry
{
    public static byte[] Write(Places places)
    {
        var entry = new FrameBuilder(8);
        entry.AppendByte(places.IsTaker ? (byte)1 : (byte)0);
        entry.AppendUInt32((uint)places.Held);
        return entry.ToArray();
    }

    public static Places Read(ReadOnlySpan<byte> bytes)
    {
        var entry = ClusterFrameReader.Of(bytes);
        var isTaker = entry.ReadByte() != 0;
        return new Places(isTaker, (int)Math.Min(entry.ReadUInt32(), int.MaxValue));
    }
}
