namespace Iii.Engine.Hosting;

/// <summary>Shows where a broker is without showing a password, whatever the URL looks like.</summary>
internal static class BrokerAddress
{
    private const string SchemeEnd = "://";
    private const string Hidden = "…";

    /// <summary>Scheme, hosts and ports: <c>redis://host:6379</c>. What cannot be told from a password is left out.</summary>
    public static string Of(string url)
    {
        var at = url.IndexOf(SchemeEnd, StringComparison.Ordinal);
        var (scheme, rest) = at < 0 ? ("", url) : (url[..(at + SchemeEnd.Length)], url[(at + SchemeEnd.Length)..]);

        // Without a scheme there is no user before an '@', and options such as a password follow the hosts.
        var userEnd = at < 0 ? -1 : rest.LastIndexOf('@');
        var hosts = rest[(userEnd + 1)..].Split('/', '?', '#')[0].Split(',').TakeWhile(static host => !host.Contains('=')).ToArray();
        var isClear = hosts.Length > 0
            && !hosts.Any(static host => host.Contains('@'))
            && !rest.AsSpan(0, Math.Max(userEnd, 0)).ContainsAny("?#,");
        return scheme + (isClear ? string.Join(',', hosts) : Hidden);
    }
}
