using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>The ids of messages: UUIDs (RFC 9562), of a delayed message one that says when it is due.</summary>
/// <remarks>
/// Version 7 is for what is not delayed. Version 8 has the time that it was made at like version 7, then the delay in milliseconds (36 bits of
/// what is random there), and 38 random bits.
/// </remarks>
internal static class MessageIds
{
    private const int Length = 16;
    private const int VersionOfDelayed = 8;
    private const int DelayBits = 36;

    public static string New(DateTimeOffset now, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            return Guid.CreateVersion7(now).ToString("N");
        }

        // time (48), version (4), delay (12) | variant (2), delay (24), random (38)
        var milliseconds = (ulong)Math.Min(Math.Ceiling(delay.TotalMilliseconds), (1L << DelayBits) - 1);
        Span<byte> bytes = stackalloc byte[Length];
        RandomNumberGenerator.Fill(bytes);
        var random = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) & ((1UL << 38) - 1);
        BinaryPrimitives.WriteUInt64BigEndian(bytes, ((ulong)now.ToUnixTimeMilliseconds() << 16) | (VersionOfDelayed << 12) | (milliseconds >> 24));
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], (0b10UL << 62) | ((milliseconds & ((1UL << 24) - 1)) << 38) | random);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>When the message of an id is due, at most a millisecond too early; null when it is no id of a delayed one.</summary>
    public static DateTimeOffset? DueOf(string id)
    {
        if (id.Length != 2 * Length
            || !ulong.TryParse(id.AsSpan(0, Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !ulong.TryParse(id.AsSpan(Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low)
            || (high >> 12 & 0xF) != VersionOfDelayed)
        {
            return null;
        }

        var delay = ((high & 0xFFF) << 24) | (low >> 38 & ((1UL << 24) - 1));
        var due = (high >> 16) + delay;
        return due <= (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.FromUnixTimeMilliseconds((long)due) : null;
    }
}
