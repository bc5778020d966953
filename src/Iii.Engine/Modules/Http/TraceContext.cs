namespace Iii.Engine.Modules.Http;

/// <summary>Which trace headers of a request are fit to be continued.</summary>
internal static class TraceContext
{
    /// <summary>The longest <c>baggage</c> that is passed on, in characters: what W3C Baggage asks to be supported.</summary>
    public const int MaxBaggageLength = 8192;

    private const int Length = 55;

    /// <summary>Whether the text is a W3C <c>traceparent</c> of version 00: lower-case hex, and neither id all zeros.</summary>
    public static bool IsTraceParent(ReadOnlySpan<char> text) =>
        text.Length == Length
        && text.StartsWith("00-", StringComparison.Ordinal) && text[35] == '-' && text[52] == '-'
        && IsId(text.Slice(3, 32)) && IsId(text.Slice(36, 16)) && IsLowerHex(text[53..]);

    /// <summary>Whether the text is fit to be passed on as <c>baggage</c>; its members are the receiver's business.</summary>
    public static bool IsBaggage(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= MaxBaggageLength && text.IndexOfAnyExceptInRange(' ', '~') < 0;

    private static bool IsId(ReadOnlySpan<char> text) => IsLowerHex(text) && text.ContainsAnyExcept('0');

    private static bool IsLowerHex(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiHexDigitLower(c))
            {
                return false;
            }
        }

        return true;
    }
}
