namespace Iii.Engine.Modules.Http;

/// <summary>The target of a request line, in its parts and undecoded: what routes match on is what the client sent.</summary>
internal readonly struct RequestTarget
{
    private readonly string _raw;
    private readonly int _pathStart;
    private readonly int _pathEnd;

    private RequestTarget(string raw, int pathStart, int pathEnd)
    {
        _raw = raw;
        _pathStart = pathStart;
        _pathEnd = pathEnd;
    }

    /// <summary>The path; begins with a slash, or is empty when the target has none (<c>OPTIONS *</c>).</summary>
    public ReadOnlySpan<char> Path => _raw.AsSpan(_pathStart, _pathEnd - _pathStart);

    /// <summary>The query without its question mark; a slash left out by <c>ignore_trailing_slash</c> is in neither part.</summary>
    public ReadOnlySpan<char> Query
    {
        get
        {
            var mark = _raw.IndexOf('?', _pathEnd);
            return mark < 0 ? default : _raw.AsSpan(mark + 1);
        }
    }

    /// <summary>Takes a target apart.</summary>
    /// <param name="raw">Origin form (<c>/path?query</c>), or absolute form, as proxies send it.</param>
    /// <param name="ignoreTrailingSlash">Whether one slash at the end of the path is left out.</param>
    public static RequestTarget Parse(string raw, bool ignoreTrailingSlash)
    {
        var start = 0;
        if (!raw.StartsWith('/'))
        {
            var scheme = raw.IndexOf("://", StringComparison.Ordinal);
            if (scheme < 0)
            {
                return new RequestTarget(raw, 0, 0);
            }

            start = raw.AsSpan(scheme + 3).IndexOfAny('/', '?') is >= 0 and var authority ? scheme + 3 + authority : raw.Length;
            if (start == raw.Length || raw[start] == '?')
            {
                raw = string.Concat("/", raw.AsSpan(start));
                start = 0;
            }
        }

        var end = raw.IndexOf('?', start);
        if (end < 0)
        {
            end = raw.Length;
        }

        if (ignoreTrailingSlash && end - start > 1 && raw[end - 1] == '/')
        {
            end--;
        }

        return new RequestTarget(raw, start, end);
    }
}
