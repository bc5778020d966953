using System.Globalization;
using System.Text.RegularExpressions;

namespace Iii.Engine.Configuration;

/// <summary>
/// What plain text means in the core schema of YAML 1.2 (chapter 10.3): <c>yes</c> and <c>on</c> are text, <c>010</c> is ten.
/// </summary>
internal static partial class CoreSchema
{
    public static ScalarKind KindOf(string plain) => plain switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ScalarKind.Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => ScalarKind.Boolean,
        _ when Integer().IsMatch(plain) => ScalarKind.Integer,
        _ when Float().IsMatch(plain) => ScalarKind.Float,
        _ => ScalarKind.Text,
    };

    /// <summary>The value of a text of <see cref="ScalarKind.Integer"/>; false when it is too large for any option.</summary>
    public static bool TryReadInteger(string text, out long value)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal))
        {
            return long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
                && value >= 0;
        }

        if (text.StartsWith("0o", StringComparison.Ordinal))
        {
            value = 0;
            foreach (var digit in text.AsSpan(2))
            {
                if (value > long.MaxValue >> 3)
                {
                    return false;
                }

                value = (value << 3) | (uint)(digit - '0');
            }

            return true;
        }

        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>
    /// The value of a text of <see cref="ScalarKind.Integer"/> or <see cref="ScalarKind.Float"/>; false when no finite number.
    /// </summary>
    public static bool TryReadNumber(string text, out double value)
    {
        if (KindOf(text) == ScalarKind.Integer && TryReadInteger(text, out var whole))
        {
            value = whole;
            return true;
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }

    [GeneratedRegex(@"\A([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Integer();

    [GeneratedRegex(
        @"\A([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Float();
}
