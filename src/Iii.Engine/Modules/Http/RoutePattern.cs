using System.Text;

namespace Iii.Engine.Modules.Http;

/// <summary>What a segment of a pattern matches.</summary>
internal enum RouteSegmentKind
{
    /// <summary>Its own text.</summary>
    Literal,

    /// <summary>Any one segment that is not empty.</summary>
    Parameter,

    /// <summary>The rest of the path, if it begins with a segment that is not empty.</summary>
    Wildcard,
}

/// <summary>One segment of a pattern.</summary>
/// <param name="Kind">What it matches.</param>
/// <param name="Text">The literal's text, or the parameter's name.</param>
internal readonly record struct RouteSegment(RouteSegmentKind Kind, string Text);

/// <summary>
/// The path of a route: segments between slashes, each a literal, a parameter (<c>:name</c> or <c>{name}</c>) or, as the last
/// one, a wildcard (<c>*name</c> or <c>{*name}</c>). Literals are compared with the path as it is on the wire, undecoded.
/// </summary>
internal sealed class RoutePattern
{
    /// <summary>The most segments of a pattern; it is also how deep matching can go.</summary>
    public const int MaxSegments = 128;

    /// <summary>The longest pattern in characters.</summary>
    public const int MaxLength = 4096;

    private RoutePattern(string text, RouteSegment[] segments)
    {
        Text = text;
        Segments = segments;
        Shape = ShapeOf(segments);
    }

    /// <summary>The pattern as the client wrote it.</summary>
    public string Text { get; }

    public RouteSegment[] Segments { get; }

    /// <summary>The pattern without its parameters' names: two patterns of one shape match the same paths.</summary>
    public string Shape { get; }

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">The pattern; leading slashes do not matter.</param>
    /// <param name="ignoreTrailingSlash">Whether a slash at the end does not matter either.</param>
    /// <param name="problem">What is wrong, and what to write instead.</param>
    /// <returns>Null when there is a problem.</returns>
    public static RoutePattern? TryParse(string text, bool ignoreTrailingSlash, out string? problem)
    {
        problem = Check(text);
        if (problem is not null)
        {
            return null;
        }

        var path = text.TrimStart('/');
        if (ignoreTrailingSlash && path.EndsWith('/'))
        {
            path = path[..^1];
        }

        var parts = path.Split('/');
        if (parts.Length > MaxSegments)
        {
            problem = $"api_path has {parts.Length} segments; write at most {MaxSegments}";
            return null;
        }

        var segments = new RouteSegment[parts.Length];
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < parts.Length; i++)
        {
            segments[i] = ParseSegment(parts[i], out problem);
            if (problem is null && segments[i].Kind == RouteSegmentKind.Wildcard && i < parts.Length - 1)
            {
                problem = $"api_path \"{text}\" goes on after \"{parts[i]}\", which takes the rest of the path; write it last";
            }

            if (problem is null && segments[i].Kind != RouteSegmentKind.Literal && !names.Add(segments[i].Text))
            {
                problem = $"api_path \"{text}\" names the parameter \"{segments[i].Text}\" twice; give each its own name";
            }

            if (problem is not null)
            {
                return null;
            }
        }

        return new RoutePattern(text, segments);
    }

    /// <summary>The pattern of one concrete path, all of it literal.</summary>
    public static RoutePattern OfPath(string path) => new(path, [new RouteSegment(RouteSegmentKind.Literal, path)]);

    private static string? Check(string text)
    {
        if (text.Length > MaxLength)
        {
            return $"api_path has {text.Length} characters; write at most {MaxLength}";
        }

        if (text.AsSpan().IndexOfAny('?', '#') is >= 0 and var at)
        {
            return $"api_path \"{text}\" contains '{text[at]}'; "
                + $"write the path alone, \"{text[..at]}\": every query is passed to the function";
        }

        if (text.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
        {
            var encoded = string.Join('/', text.Split('/').Select(Uri.EscapeDataString));
            return $"api_path \"{text}\" contains a character that no URL has; "
                + $"paths are compared percent-encoded, so write \"{encoded}\"";
        }

        return null;
    }

    private static RouteSegment ParseSegment(string part, out string? problem)
    {
        problem = null;
        if (part.StartsWith(':'))
        {
            return Named(RouteSegmentKind.Parameter, part, part[1..], out problem);
        }

        if (part.StartsWith('*'))
        {
            return Named(RouteSegmentKind.Wildcard, part, part[1..], out problem);
        }

        if (part.AsSpan().IndexOfAny('{', '}') < 0)
        {
            return new RouteSegment(RouteSegmentKind.Literal, part);
        }

        if (!part.StartsWith('{') || part.LastIndexOf('{') > 0 || part.IndexOf('}') != part.Length - 1)
        {
            problem = $"api_path segment \"{part}\" mixes braces with text; "
                + "a parameter takes a whole segment: write \":name\" or \"{name}\"";
            return default;
        }

        return part.StartsWith("{*", StringComparison.Ordinal)
            ? Named(RouteSegmentKind.Wildcard, part, part[2..^1], out problem)
            : Named(RouteSegmentKind.Parameter, part, part[1..^1], out problem);
    }

    private static RouteSegment Named(RouteSegmentKind kind, string part, string name, out string? problem)
    {
        problem = name.Length > 0
            ? null
            : $"api_path segment \"{part}\" has no name; write \"{(kind == RouteSegmentKind.Wildcard ? "*rest" : ":id")}\"";
        return new RouteSegment(kind, name);
    }

    private static string ShapeOf(RouteSegment[] segments)
    {
        // No literal begins with ':' or '*', so the marks cannot be mistaken for one.
        var shape = new StringBuilder();
        foreach (var segment in segments)
        {
            shape.Append('/').Append(segment.Kind switch
            {
                RouteSegmentKind.Parameter => ":",
                RouteSegmentKind.Wildcard => "*",
                _ => segment.Text,
            });
        }

        return shape.ToString();
    }
}
