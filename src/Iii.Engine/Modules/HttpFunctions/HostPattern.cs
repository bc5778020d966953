using System.Diagnostics.CodeAnalysis;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>
/// A pattern for host names: <c>*</c> is any text, <c>?</c> any character, <c>[a-c]</c> one of a set, <c>[!a-c]</c> one that is not.
/// </summary>
/// <remarks>Letters match in both cases, as host names have none. Matching takes at most pattern times host steps.</remarks>
internal sealed class HostPattern
{
    private readonly Part[] _parts;

    private HostPattern(Part[] parts) => _parts = parts;

    private enum PartKind
    {
        /// <summary>Any text, also none.</summary>
        Rest,

        /// <summary>One character.</summary>
        Any,

        /// <summary>One character of a set.</summary>
        In,

        /// <summary>One character that is not in a set.</summary>
        NotIn,
    }

    /// <summary>Compiles a pattern, or says what is wrong with it.</summary>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out HostPattern? pattern, [NotNullWhen(false)] out string? problem)
    {
        pattern = null;
        problem = text.Length == 0 ? "it is empty" : null;
        var parts = new List<Part>();
        for (var at = 0; problem is null && at < text.Length; at++)
        {
            switch (text[at])
            {
                case '*':
                    parts.Add(new Part(PartKind.Rest, []));
                    break;
                case '?':
                    parts.Add(new Part(PartKind.Any, []));
                    break;
                case '[':
                    problem = ReadSet(text, ref at, parts);
                    break;
                case '/' or '@' or ' ':
                    problem = "it holds more than a host";
                    break;
                default:
                    parts.Add(Part.Of(text[at]));
                    break;
            }
        }

        pattern = problem is null ? new HostPattern([.. parts]) : null;
        return problem is null;
    }

    /// <summary>Whether the whole host matches.</summary>
    public bool Matches(ReadOnlySpan<char> host)
    {
        // On a mismatch the last "any text" takes one character more; earlier ones need not be tried again.
        int part = 0, at = 0, rest = -1, restAt = 0;
        while (at < host.Length)
        {
            if (part < _parts.Length && _parts[part].Kind == PartKind.Rest)
            {
                rest = part++;
                restAt = at;
            }
            else if (part < _parts.Length && _parts[part].Takes(host[at]))
            {
                part++;
                at++;
            }
            else if (rest >= 0)
            {
                part = rest + 1;
                at = ++restAt;
            }
            else
            {
                return false;
            }
        }

        return Array.FindIndex(_parts, part, static left => left.Kind != PartKind.Rest) < 0;
    }

    private static string? ReadSet(string text, ref int at, List<Part> parts)
    {
        var start = at + 1;
        var isNegated = start < text.Length && text[start] == '!';
        start += isNegated ? 1 : 0;

        // A bracket right after the opening one is a member, so that it can be one at all.
        var end = start + 1 < text.Length ? text.IndexOf(']', start + 1) : -1;
        if (end < 0)
        {
            return "a '[' has no ']', or nothing between the two";
        }

        var ranges = new List<(char First, char Last)>();
        for (var i = start; i < end; i++)
        {
            var first = text[i];
            if (i + 2 < end && text[i + 1] == '-')
            {
                i += 2;
            }

            if (text[i] < first)
            {
                return $"the range {first}-{text[i]} is upside down";
            }

            ranges.Add((first, text[i]));
        }

        at = end;
        parts.Add(new Part(isNegated ? PartKind.NotIn : PartKind.In, [.. ranges]));
        return null;
    }

    private readonly record struct Part(PartKind Kind, (char First, char Last)[] Ranges)
    {
        public static Part Of(char character) => new(PartKind.In, [(character, character)]);

        public bool Takes(char character) => Kind switch
        {
            PartKind.Any => true,
            PartKind.In => Holds(character),
            PartKind.NotIn => !Holds(character),
            _ => false,
        };

        private bool Holds(char character)
        {
            char lower = char.ToLowerInvariant(character), upper = char.ToUpperInvariant(character);
            foreach (var (first, last) in Ranges)
            {
                if ((lower >= first && lower <= last) || (upper >= first && upper <= last))
                {
                    return true;
                }
            }

            return false;
        }
    }
}
