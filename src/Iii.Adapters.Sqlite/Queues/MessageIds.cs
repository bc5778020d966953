using System.Globalization;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>Message ids: the file's own id and the message's number in it, both in 16 hexadecimal digits.</summary>
internal static class MessageIds
{
    private const int Digits = 16;

    public static string Format(long fileId, long number) => string.Create(CultureInfo.InvariantCulture, $"{fileId:x16}{number:x16}");

    /// <summary>The number; null when the id is none of this file.</summary>
    public static long? Parse(long fileId, string id) =>
        id.Length == 2 * Digits
        && long.TryParse(id.AsSpan(0, Digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var file)
        && file == fileId
        && long.TryParse(id.AsSpan(Digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
