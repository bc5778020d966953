namespace Iii.Testing;

/// <summary>A request as it came over the wire.</summary>
public sealed record RawHttpRequest(string Line, IReadOnlyList<(string Name, string Value)> Headers, string Body)
{
    /// <summary>The one header of that name.</summary>
    public string this[string name] =>
        Headers.Single(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    public bool Has(string name) => Headers.Any(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    public static RawHttpRequest Parse(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var lines = text[..end].Split("\r\n");
        var headers = lines[1..].Select(static line =>
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            return (line[..colon], line[(colon + 1)..].Trim());
        });
        return new RawHttpRequest(lines[0], [.. headers], text[(end + 4)..]);
    }
}
