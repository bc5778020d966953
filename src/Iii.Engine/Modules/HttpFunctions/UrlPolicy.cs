using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Which URLs may be called. What a host resolves to is looked at by <see cref="GuardedDialer"/>, when it connects.</summary>
internal sealed class UrlPolicy(HttpFunctionsSecurityOptions options)
{
    public const string InvalidUrl = "Invalid URL";
    public const string HttpsRequired = "HTTPS is required";
    public const string NotInAllowlist = "URL not in allowlist";
    public const string PrivateIpBlocked = "Private IP blocked";
    public const string DnsLookupFailed = "DNS lookup failed";

    private readonly HostPattern[] _hosts =
    [
        .. options.UrlAllowlist.Select(static text => HostPattern.TryParse(text, out var pattern, out var problem)
            ? pattern
            : throw new ArgumentException($"url_allowlist: '{text}': {problem}")),
    ];

    /// <summary>Reads a URL, or says in one of the five texts why it may not be called.</summary>
    public bool TryRead(string text, [NotNullWhen(true)] out Uri? url, [NotNullWhen(false)] out string? problem)
    {
        problem = Uri.TryCreate(text, UriKind.Absolute, out url) ? Problem(url) : InvalidUrl;
        return problem is null;
    }

    private string? Problem(Uri url)
    {
        // Credentials in a URL end up in logs; there is `auth` for them.
        if (url.IdnHost.Length == 0 || url.UserInfo.Length > 0)
        {
            return InvalidUrl;
        }

        if (url.Scheme != Uri.UriSchemeHttps && (options.RequireHttps || url.Scheme != Uri.UriSchemeHttp))
        {
            return options.RequireHttps ? HttpsRequired : InvalidUrl;
        }

        // A final dot makes a name absolute, and another text of the same name.
        var host = url.IdnHost.TrimEnd('.');
        if (_hosts.Length > 0 && !Array.Exists(_hosts, pattern => pattern.Matches(host)))
        {
            return NotInAllowlist;
        }

        return options.BlockPrivateIps && IPAddress.TryParse(host, out var literal) && NonPublicAddress.Contains(literal)
            ? PrivateIpBlocked
            : null;
    }
}
