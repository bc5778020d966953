using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Iii.Engine.Configuration;

/// <summary>How text of unknown origin is shown in a message: short, on one line, and without the password of a URL.</summary>
internal static partial class DisplayText
{
    public const int MaxValueLength = 80;

    public static string Quote(string text) => $"'{Clip(text)}'";

    /// <summary>
    /// The text with every character of a URL's user information replaced, so that its length and columns stay.
    /// </summary>
    public static string MaskCredentials(string text) =>
        text.Contains("://", StringComparison.Ordinal)
            ? UserInformation().Replace(text, match => new string('*', match.Length))
            : text;

    public static string Clip(string text, int maxLength = MaxValueLength)
    {
        var masked = MaskCredentials(text.Length > 4096 ? text[..4096] : text);
        var shown = new StringBuilder();
        foreach (var rune in masked.EnumerateRunes())
        {
            if (shown.Length >= maxLength)
            {
                return shown.Append('…').ToString();
            }

            shown.Append(rune.Value switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                var value when Rune.IsControl(rune) => "\\u" + value.ToString("X4", CultureInfo.InvariantCulture),
                _ => rune.ToString(),
            });
        }

        return shown.ToString();
    }

    [GeneratedRegex("""(?<=://)[^\s"']*(?=@)""", RegexOptions.CultureInvariant)]
    private static partial Regex UserInformation();
}
