namespace Iii.Bench.Relay;

/// <summary>Unique invocation ids without a random draw each: a random half and a counter.</summary>
internal static class InvocationIds
{
    private static readonly ulong Origin = (ulong)Random.Shared.NextInt64();
    private static ulong s_last;

    public static Guid Next()
    {
        var number = Interlocked.Increment(ref s_last);
        return new Guid(
            (uint)Origin, (ushort)(Origin >> 32), (ushort)(0x4000 | ((Origin >> 48) & 0x0fff)),
            0x80, (byte)(number >> 48), (byte)(number >> 40), (byte)(number >> 32),
            (byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number);
    }
}
