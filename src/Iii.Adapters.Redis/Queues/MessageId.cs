using System.Globalization;

namespace Iii.Adapters.Redis.Queues;

/// <summary>
/// The id of a message: 16 digits that Redis gives, its time of acceptance in microseconds or a little later, so that ids sort by age;
/// and 16 of the instance, so that no two queues have the same.
/// </summary>
internal static class MessageId
{
    public const int Length = 32;

    private const int NumberLength = 16;

    private static readonly string s_instance = Random.Shared.Next().ToString("x8", CultureInfo.InvariantCulture);
    private static uint s_last;

    /// <summary>The part of the instance; a new one every time.</summary>
    public static string NewSuffix() => string.Create(CultureInfo.InvariantCulture, $"{s_instance}{Interlocked.Increment(ref s_last):x8}");

    public static string Create(long number, string suffix) => string.Create(CultureInfo.InvariantCulture, $"{number:d16}{suffix}");

    public static DateTimeOffset AcceptedAt(string id) =>
        id.Length == Length && long.TryParse(id.AsSpan(0, NumberLength), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds)
            ? DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds)
            : DateTimeOffset.UnixEpoch;
}
