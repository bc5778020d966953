using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Iii.Engine.Cluster.Catalogs;

/// <summary>
/// A fingerprint of a set of entries that does not depend on their order: the exclusive or of one hash per entry, so that an entry
/// is added and removed with one operation.
/// </summary>
internal static class CatalogDigest
{
    private const int StackBytes = 1024;

    /// <summary>The part of one entry.</summary>
    public static UInt128 Of(string key, ReadOnlySpan<byte> value)
    {
        var size = Encoding.UTF8.GetMaxByteCount(key.Length) + 1 + value.Length;
        Span<byte> bytes = size <= StackBytes ? stackalloc byte[StackBytes] : new byte[size];
        var length = Encoding.UTF8.GetBytes(key, bytes);
        bytes[length++] = 0;
        value.CopyTo(bytes[length..]);
        return Hash(bytes[..(length + value.Length)]);
    }

    /// <summary>The fingerprint of a whole cluster: of each instance's id and digest, again in any order.</summary>
    public static UInt128 OfMember(string instance, UInt128 digest)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, digest);
        return Of(instance, bytes);
    }

    private static UInt128 Hash(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
