using Iii.Engine.Modules.HttpFunctions;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

/// <summary>What can be told from a URL alone (protocol §8.1).</summary>
public class UrlPolicyTests
{
    [Theory]
    [InlineData("https://example.org/score", null)]
    [InlineData("https://8.8.8.8/", null)]
    [InlineData("", UrlPolicy.InvalidUrl)]
    [InlineData("example.org", UrlPolicy.InvalidUrl)]
    [InlineData("/score", UrlPolicy.InvalidUrl)]
    [InlineData("https://", UrlPolicy.InvalidUrl)]
    [InlineData("https://user:secret@example.org/", UrlPolicy.InvalidUrl)]
    [InlineData("http://example.org/", UrlPolicy.HttpsRequired)]
    [InlineData("ftp://example.org/", UrlPolicy.HttpsRequired)]
    [InlineData("https://127.0.0.1/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://127.0.0.1./", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://127.1/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://2130706433/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://0x7f000001/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://0x7f.0.0.1/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://0177.0.0.1/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://0/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://169.254.169.254/latest", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://[::1]/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://[::]/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://[::ffff:127.0.0.1]/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://[::ffff:7f00:1]/", UrlPolicy.PrivateIpBlocked)]
    [InlineData("https://[fe80::1%25eth0]/", UrlPolicy.PrivateIpBlocked)]
    public void Defaults_refuse_with_one_of_the_texts(string url, string? problem) =>
        Assert.Equal(problem, ProblemOf(new HttpFunctionsSecurityOptions(), url));

    [Theory]
    [InlineData("http://example.org/", null)]
    [InlineData("ftp://example.org/", UrlPolicy.InvalidUrl)]
    [InlineData("file:///etc/passwd", UrlPolicy.InvalidUrl)]
    public void Without_https_required_http_is_the_only_other_scheme(string url, string? problem) =>
        Assert.Equal(problem, ProblemOf(new HttpFunctionsSecurityOptions { RequireHttps = false }, url));

    [Theory]
    [InlineData("https://api.example.org/", null)]
    [InlineData("https://API.Example.org:8443/x?y", null)]
    [InlineData("https://api.example.org./", null)]
    [InlineData("https://example.org/", UrlPolicy.NotInAllowlist)]
    [InlineData("https://evil.net/api.example.org", UrlPolicy.NotInAllowlist)]
    [InlineData("https://127.0.0.1/", UrlPolicy.NotInAllowlist)]
    [InlineData("http://evil.net/", UrlPolicy.HttpsRequired)]
    public void Allowlist_looks_at_the_host_and_only_after_the_scheme(string url, string? problem) =>
        Assert.Equal(problem, ProblemOf(new HttpFunctionsSecurityOptions { UrlAllowlist = ["*.example.org"] }, url));

    [Fact]
    public void Empty_allowlist_allows_all() =>
        Assert.Null(ProblemOf(new HttpFunctionsSecurityOptions { UrlAllowlist = [] }, "https://example.org/"));

    [Fact]
    public void Private_addresses_pass_when_they_are_not_blocked() =>
        Assert.Null(ProblemOf(new HttpFunctionsSecurityOptions { BlockPrivateIps = false }, "https://127.0.0.1/"));

    private static string? ProblemOf(HttpFunctionsSecurityOptions options, string url) =>
        new UrlPolicy(options).TryRead(url, out _, out var problem) ? null : problem;
}
