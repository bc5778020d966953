using System.Runtime.InteropServices;

namespace Iii.Engine.Invocations;

/// <summary>Ids for dispatches: UUIDs of version 4 from the fast generator, since they need to be unique, not secret.</summary>
internal static class DispatchIds
{
    public static Guid Next()
    {
        Span<byte> bytes = stackalloc byte[16];
        Random.Shared.NextBytes(bytes);
        bytes[7] = (byte)((bytes[7] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return MemoryMarshal.Read<Guid>(bytes);
    }
}
