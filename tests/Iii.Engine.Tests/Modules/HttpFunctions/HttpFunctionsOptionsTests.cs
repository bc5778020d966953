using Iii.Engine.Configuration;
using Iii.Engine.Tests.Configuration;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

public class HttpFunctionsOptionsTests
{
    private const string Class = "modules::http_functions::HttpFunctionsModule";

    [Fact]
    public void Module_is_off_unless_listed()
    {
        Assert.Null(EngineConfiguration.Defaults.HttpFunctions);
        Assert.Null(Configured.Valid("modules: []").HttpFunctions);
    }

    [Theory]
    [InlineData("modules: [{class: modules::http_functions::HttpFunctionsModule}]")]
    [InlineData("workers: [{name: iii-http-functions}]")]
    public void Defaults_are_the_strict_ones(string text)
    {
        var options = Configured.Valid(text).HttpFunctions!;
        Assert.Equal(["*"], options.Security.UrlAllowlist);
        Assert.True(options.Security.BlockPrivateIps);
        Assert.True(options.Security.RequireHttps);
        Assert.Equal(16 * 1024 * 1024, options.MaxResponseBytes);
    }

    [Fact]
    public void Every_option_is_read()
    {
        var options = Configured.Valid(
            $"modules: [{{class: {Class}, config: {{security: {{url_allowlist: [localhost, '*.a.org'], block_private_ips: false, require_https: false}}, max_response_bytes: 7}}}}]")
            .HttpFunctions!;
        Assert.Equal(["localhost", "*.a.org"], options.Security.UrlAllowlist);
        Assert.False(options.Security.BlockPrivateIps);
        Assert.False(options.Security.RequireHttps);
        Assert.Equal(7, options.MaxResponseBytes);
    }

    [Fact]
    public void Malformed_pattern_is_an_error_with_its_place()
    {
        var error = Configured.Error($"modules:\n  - class: {Class}\n    config:\n      security:\n        url_allowlist: [ok, 'a[b']\n");
        Assert.Equal(5, error.Line);
        Assert.Contains("url_allowlist[1]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Misspelt_key_is_an_error_since_it_would_open_what_was_to_be_closed() =>
        Assert.Contains(
            "url_allowlst",
            Configured.Error($"modules: [{{class: {Class}, config: {{security: {{url_allowlst: [a]}}}}}}]").Message,
            StringComparison.Ordinal);
}
