using Iii.Engine.Cluster.Wire;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Catalogs;

/// <summary>One entry as it is now.</summary>
/// <param name="Key">The key, as text.</param>
/// <param name="Value">The value; null when the entry is gone.</param>
internal readonly record struct CatalogChange(string Key, byte[]? Value)
{
    /// <summary>About how many bytes it takes in a frame.</summary>
    public int Size => (Key.Length * 3) + (Value?.Length ?? 0) + 8;

    public void Append(ref FrameBuilder frame)
    {
        frame.AppendString(Key);
        frame.AppendByte(Value is null ? (byte)0 : (byte)1);
        if (Value is not null)
        {
            frame.AppendBlob(Value);
        }
    }

    /// <summary>Reads what <see cref="Append"/> wrote.</summary>
    /// <exception cref="FormatException">The bytes end too early.</exception>
    public static CatalogChange Read(ref ClusterFrameReader reader)
    {
        var key = reader.ReadString();
        return new CatalogChange(key, reader.ReadByte() == 0 ? null : reader.ReadBlob().ToArray());
    }
}
