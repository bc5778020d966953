using System.Text.Json;

namespace Iii.Protocol;

/// <summary>Comparing member names without throwing.</summary>
public static class JsonNames
{
    // The longest name that anybody asks for is far shorter, also with every character written as an escape.
    private const int MaxEscapedLength = 256;

    /// <summary>
    /// Whether the reader stands on a member of that name, however it is spelled. A name that is no valid text (a lone
    /// surrogate escape is legal JSON) is no name that anybody asks for; the framework's own comparison throws on it.
    /// </summary>
    public static bool NameIs(this ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        if (!reader.ValueIsEscaped)
        {
            return reader.ValueSpan.SequenceEqual(name);
        }

        Span<byte> unescaped = stackalloc byte[MaxEscapedLength];
        return reader.TryCopyName(unescaped, out var length) && unescaped[..length].SequenceEqual(name);
    }

    /// <summary>Unescapes the member name that the reader stands on.</summary>
    /// <returns>False when it is longer than the destination, or no valid text.</returns>
    internal static bool TryCopyName(this ref Utf8JsonReader reader, scoped Span<byte> destination, out int length)
    {
        length = 0;
        if (reader.ValueSpan.Length > destination.Length)
        {
            return false;
        }

        try
        {
            length = reader.CopyString(destination);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
