using Iii.Engine.Discovery;
using Iii.Engine.Modules.HttpFunctions;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

/// <summary>What the member <c>invocation</c> may say (protocol §2.3), and what becomes of one that makes no sense.</summary>
public sealed class HttpFunctionRegistrationTests : IDisposable
{
    private const string Prefix = "invalid_invocation: Function ext::score cannot be called over HTTP: ";

    private readonly FunctionHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData(""","method":null,"headers":null,"auth":null,"timeout_ms":null,"unknown":{}""")]
    [InlineData(""","headers":{}""")]
    [InlineData(""","timeout_ms":4000.0""")]
    public async Task Optional_members_may_be_missing_or_null(string members)
    {
        await using var server = RawHttpServer.Answering("200 OK", "1");
        _harness.Register(server.Url, members);
        Assert.Equal("1", await _harness.CallAsync());
        Assert.StartsWith("POST ", (await server.NextAsync()).Line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("7", "invocation must be an object")]
    [InlineData("{}", "url is missing")]
    [InlineData("""{"url":7}""", "url must be a string")]
    [InlineData("""{"url":"http://a.b","method":"TRACE"}""", "method 'TRACE' is not one of GET, POST, PUT, PATCH, DELETE")]
    [InlineData("""{"url":"http://a.b","method":1}""", "method must be a string")]
    [InlineData("""{"url":"http://a.b","timeout_ms":-1}""", "timeout_ms must be a number of milliseconds, not -1")]
    [InlineData("""{"url":"http://a.b","timeout_ms":"1s"}""", "timeout_ms must be a number of milliseconds, not \"1s\"")]
    [InlineData("""{"url":"http://a.b","headers":[]}""", "headers must be an object")]
    [InlineData("""{"url":"http://a.b","headers":{"a":1}}""", "headers.a must be a string")]
    [InlineData("""{"url":"http://a.b","headers":{"a b":"c"}}""", "'a b' is not the name of a header")]
    [InlineData("""{"url":"http://a.b","headers":{"a":"b\r\nc: d"}}""", "the value of the header a holds a line break or another control character")]
    [InlineData("""{"url":"http://a.b","headers":{"a":"b\nc: d"}}""", "the value of the header a holds a line break or another control character")]
    [InlineData("""{"url":"http://a.b","headers":{"host":"c"}}""", "the header host is for the engine to set")]
    [InlineData("""{"url":"http://a.b","headers":{"Transfer-Encoding":"chunked"}}""", "the header Transfer-Encoding is for the engine to set")]
    [InlineData("""{"url":"http://a.b","headers":{"X-III-Signature":"c"}}""", "the header X-III-Signature is for the engine to set")]
    [InlineData("""{"url":"http://a.b","auth":{"type":"basic"}}""", "auth.type 'basic' is not one of hmac, bearer, api_key")]
    [InlineData("""{"url":"http://a.b","auth":{}}""", "auth.type is missing")]
    [InlineData("""{"url":"http://a.b","auth":"hmac"}""", "auth must be an object")]
    [InlineData("""{"url":"http://a.b","auth":{"type":"hmac"}}""", "auth.secret_key is missing")]
    [InlineData("""{"url":"http://a.b","auth":{"type":"bearer","token_key":""}}""", "auth.token_key must be the name of an environment variable of the engine")]
    [InlineData("""{"url":"http://a.b","auth":{"type":"api_key","header":"a\nb","value_key":"K"}}""", "auth.header: 'a\nb' is not the name of a header")]
    public async Task Registration_without_sense_fails_every_call_with_its_reason(string invocation, string reason)
    {
        _harness.RegisterRaw(invocation);
        Assert.Equal(Prefix + reason, await _harness.CallAsync());
        Assert.Equal(Prefix + reason, await _harness.CallAsync());
    }

    [Fact]
    public async Task Text_that_is_not_Unicode_is_no_url()
    {
        _harness.RegisterRaw("""{"url":"http://a.b/\ud800"}""");
        Assert.StartsWith(Prefix, await _harness.CallAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense", "Invalid URL")]
    [InlineData("http://example.org", "HTTPS is required")]
    [InlineData("https://evil.net", "URL not in allowlist")]
    [InlineData("https://10.1.2.3", "Private IP blocked")]
    public async Task Url_that_must_not_be_called_is_reported_to_callers(string url, string text)
    {
        using var strict = new FunctionHarness(new HttpFunctionsOptions
        {
            Security = new HttpFunctionsSecurityOptions { UrlAllowlist = ["*.org", "10.*"] },
        });
        var provider = strict.Register(url);
        Assert.IsType<RefusedFunction>(provider);
        Assert.Equal($"url_validation_failed: {text}", await strict.CallAsync());
    }

    [Fact]
    public void Registration_without_sense_is_the_last_to_be_chosen() => Assert.Equal(int.MaxValue, _harness.Register("nonsense").InFlight);

    [Fact]
    public void Without_the_module_callers_are_told_what_to_configure()
    {
        using var module = new HttpFunctionsModule(null, TimeProvider.System, NullLogger<HttpFunctionsModule>.Instance);
        FunctionProvider provider = module.Provide("f", """{"url":"https://example.org"}"""u8, new HttpFunctionOwner(new(), default));
        var error = System.Text.Encoding.UTF8.GetString(Assert.IsType<RefusedFunction>(provider).ErrorJson);
        Assert.Contains("http_functions_not_enabled", error, StringComparison.Ordinal);
        Assert.Contains("modules::http_functions::HttpFunctionsModule", error, StringComparison.Ordinal);
    }
}
