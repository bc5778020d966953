using Iii.Engine.Hosting;

namespace Iii.Engine.Channels;

/// <summary>
/// A channel's id as clients have it: <c>INSTANCE.UUID</c>. The owning instance stands in it so that another one knows where
/// to go; for clients it is text without meaning, fit for a URL.
/// </summary>
internal static class ChannelId
{
    private const char Separator = '.';
    private const int UuidLength = 36;

    /// <summary>Size of the text.</summary>
    public static int LengthOf(InstanceId instance) => instance.Utf8.Length + 1 + UuidLength;

    /// <summary>Writes an id.</summary>
    public static void Write(Guid id, InstanceId instance, Span<byte> destination)
    {
        instance.Utf8.CopyTo(destination);
        destination[instance.Utf8.Length] = (byte)Separator;
        id.TryFormat(destination[(instance.Utf8.Length + 1)..], out _);
    }

    /// <summary>An id as text.</summary>
    public static string TextOf(Guid id, InstanceId instance) => $"{instance}{Separator}{id}";

    /// <summary>Reads an id of this instance.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, InstanceId instance, out Guid id)
    {
        id = default;
        var prefix = instance.Text;
        return text.Length == prefix.Length + 1 + UuidLength
            && text.StartsWith(prefix, StringComparison.Ordinal)
            && text[prefix.Length] == Separator
            && Guid.TryParseExact(text[(prefix.Length + 1)..], "D", out id);
    }

    /// <summary>The instance that an id names; null when it is no id.</summary>
    public static string? InstanceOf(string text)
    {
        var end = text.LastIndexOf(Separator);
        return end > 0 && Guid.TryParseExact(text.AsSpan(end + 1), "D", out _) ? text[..end] : null;
    }
}
