namespace Iii.Engine.Configuration;

/// <summary>One <c>${NAME}</c> or <c>${NAME:default}</c> of the file.</summary>
/// <param name="Offset">Where its <c>$</c> is.</param>
/// <param name="Length">How long it is, braces included.</param>
/// <param name="Name">The variable.</param>
/// <param name="Default">What stands in for a variable that is not set; null when the reference has no default.</param>
/// <param name="Fault">Why it is not a usable reference; null when it is one.</param>
internal sealed record VariableReference(int Offset, int Length, string Name, string? Default, string? Fault)
{
    /// <summary>The references of a text in its order, at most <paramref name="limit"/> of them.</summary>
    public static List<VariableReference> Find(string text, int limit)
    {
        var found = new List<VariableReference>();
        for (var start = text.IndexOf("${", StringComparison.Ordinal); start >= 0 && found.Count < limit;)
        {
            var reference = Read(text, start);
            found.Add(reference);
            start = text.IndexOf("${", start + reference.Length, StringComparison.Ordinal);
        }

        return found;
    }

    private static VariableReference Read(string text, int start)
    {
        var rest = text.AsSpan(start + 2);
        var end = rest.IndexOfAny('}', '\n', '\r');
        if (end < 0 || rest[end] != '}')
        {
            return new VariableReference(start, 2, "", null, "'${' is not closed on its line; write ${NAME} or ${NAME:default}");
        }

        var inside = rest[..end].ToString();
        var colon = inside.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? inside : inside[..colon];
        var fallback = colon < 0 ? null : inside[(colon + 1)..];
        var fault = name.Length == 0
            ? $"{DisplayText.Quote("${" + inside + "}")} names no variable; write ${{NAME}} or ${{NAME:default}}"
            : inside.Contains("${", StringComparison.Ordinal) ? "a variable cannot stand inside the default of another"
            : null;
        return new VariableReference(start, end + 3, name, fallback, fault);
    }
}
