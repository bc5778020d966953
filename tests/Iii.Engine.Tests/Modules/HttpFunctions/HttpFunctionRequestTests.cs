using System.Text.RegularExpressions;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.HttpFunctions;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

/// <summary>What the called server gets (protocol §8.1).</summary>
public sealed class HttpFunctionRequestTests : IAsyncLifetime, IDisposable
{
    private const string TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    private readonly FunctionHarness _harness = new();
    private readonly RawHttpServer _server = RawHttpServer.Answering("200 OK", """{"ok":true}""");

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task Head_and_small_body_come_in_one_write_with_the_length_and_without_chunks_or_expectations()
    {
        _harness.Register(_server.Url, ""","headers":{"x-tenant":"acme"}""");
        var input = $$"""{"text":"{{new string('x', 2000)}}"}""";
        Assert.Equal("""{"ok":true}""", await _harness.CallAsync(input));
        var request = await _server.NextAsync();
        Assert.Equal("POST /webhook HTTP/1.1", request.Line);
        Assert.Equal(input, request.Body);
        Assert.Equal($"{input.Length}", request["Content-Length"]);
        Assert.Equal("application/json", request["Content-Type"]);
        Assert.Equal(FunctionHarness.FunctionId, request["x-iii-Function-Path"]);
        Assert.Matches(new Regex("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"), request["x-iii-Invocation-ID"]);
        Assert.Equal("1700000000", request["x-iii-Timestamp"]);
        Assert.Equal("acme", request["x-tenant"]);
        Assert.All(
            ["Transfer-Encoding", "Expect", "Accept-Encoding", "x-iii-Signature", "Authorization", "traceparent", "baggage", "Cookie"],
            name => Assert.False(request.Has(name), name));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    [InlineData("put")]
    [InlineData("Patch")]
    public async Task Method_is_honoured_in_any_case_and_has_the_body(string method)
    {
        _harness.Register(_server.Url, $$""","method":"{{method}}" """);
        await _harness.CallAsync("""{"order":7}""");
        var request = await _server.NextAsync();
        Assert.Equal($"{method.ToUpperInvariant()} /webhook HTTP/1.1", request.Line);
        Assert.Equal("""{"order":7}""", request.Body);
    }

    [Theory]
    [InlineData("""{"a":1}""", true)]
    [InlineData("""{}""", true)]
    [InlineData("""{ "_caller_worker_id" : "forged" }""", true)]
    [InlineData("[1,2]", false)]
    [InlineData("null", false)]
    [InlineData("9007199254740993", false)]
    public async Task Body_names_the_calling_worker_if_it_is_an_object(string input, bool isObject)
    {
        var caller = new WorkerIdentity(Guid.NewGuid());
        _harness.Register(_server.Url);
        await _harness.CallAsync(input, caller);
        var body = (await _server.NextAsync()).Body;
        if (isObject)
        {
            Assert.EndsWith($"\"_caller_worker_id\":\"{caller.Id}\"}}", body, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(input, body);
        }
    }

    [Fact]
    public async Task Call_of_the_engine_names_no_worker()
    {
        _harness.Register(_server.Url);
        await _harness.CallAsync("""{"a": 1}""");
        Assert.Equal("""{"a": 1}""", (await _server.NextAsync()).Body);
    }

    [Fact]
    public async Task Trace_goes_on()
    {
        _harness.Register(_server.Url);
        await _harness.CallAsync(traceParent: TraceParent, baggage: "tenant=acme");
        var request = await _server.NextAsync();
        Assert.Equal(TraceParent, request["traceparent"]);
        Assert.Equal("tenant=acme", request["baggage"]);
    }

    [Fact]
    public async Task Trace_that_is_none_is_not_sent()
    {
        _harness.Register(_server.Url);
        await _harness.CallAsync(traceParent: """x\r\nx-evil: 1""", baggage: """a=b\r\nx-evil: 1""");
        var request = await _server.NextAsync();
        Assert.All(["traceparent", "baggage", "x-evil"], name => Assert.False(request.Has(name), name));
    }

    [Fact]
    public async Task Header_values_go_out_in_UTF8()
    {
        _harness.Register(_server.Url, ""","headers":{"x-name":"Grüße"}""");
        await _harness.CallAsync();
        Assert.Equal("Grüße", (await _server.NextAsync())["x-name"]);
    }

    [Fact]
    public async Task Content_type_of_the_worker_wins()
    {
        _harness.Register(_server.Url, ""","headers":{"content-type":"application/vnd.acme+json"}""");
        await _harness.CallAsync();
        Assert.Equal("application/vnd.acme+json", (await _server.NextAsync())["Content-Type"]);
    }

    [Fact]
    public void Signature_is_the_one_of_the_test_vector() => Assert.Equal(
        "sha256=2ffd35d2d62d7a7582140c709459b0ee4da3696049bc00d9814887ccb0f57bde",
        HttpFunctionAuth.Hmac.Sign("s3cr3t", """{"order":7}"""u8, 1_700_000_000));

    [Fact]
    public async Task Signature_is_sent_with_the_time_that_was_signed()
    {
        _harness.Environment["ORDERS_HMAC"] = "s3cr3t";
        _harness.Register(_server.Url, ""","auth":{"type":"hmac","secret_key":"ORDERS_HMAC"}""");
        await _harness.CallAsync("""{"order":7}""");
        var request = await _server.NextAsync();
        Assert.Equal("1700000000", request["x-iii-Timestamp"]);
        Assert.Equal("sha256=2ffd35d2d62d7a7582140c709459b0ee4da3696049bc00d9814887ccb0f57bde", request["x-iii-Signature"]);
    }

    [Fact]
    public async Task Bearer_token_is_sent_instead_of_a_header_of_the_worker()
    {
        _harness.Environment["TOKEN"] = "t0k3n";
        _harness.Register(_server.Url, ""","headers":{"authorization":"Basic x"},"auth":{"type":"bearer","token_key":"TOKEN"}""");
        await _harness.CallAsync();
        Assert.Equal("Bearer t0k3n", (await _server.NextAsync())["Authorization"]);
    }

    [Fact]
    public async Task Api_key_is_sent_in_its_header()
    {
        _harness.Environment["KEY"] = "k3y";
        _harness.Register(_server.Url, ""","auth":{"type":"api_key","header":"x-api-key","value_key":"KEY"}""");
        await _harness.CallAsync();
        Assert.Equal("k3y", (await _server.NextAsync())["x-api-key"]);
    }

    [Theory]
    [InlineData("""{"type":"hmac","secret_key":"NAME"}""", "secret_not_found: Secret not found: NAME")]
    [InlineData("""{"type":"bearer","token_key":"NAME"}""", "token_not_found: Token not found: NAME")]
    [InlineData("""{"type":"api_key","header":"x-key","value_key":"NAME"}""", "api_key_not_found: API key not found: NAME")]
    public async Task Secret_is_read_at_each_call(string auth, string error)
    {
        _harness.Register(_server.Url, $$""","auth":{{auth}}""");
        Assert.Equal(error, await _harness.CallAsync());
        _harness.Environment["NAME"] = "";
        Assert.Equal(error, await _harness.CallAsync());
        Assert.Equal(0, _server.Waiting);
        _harness.Environment["NAME"] = "there";
        Assert.Equal("""{"ok":true}""", await _harness.CallAsync());
        _harness.Environment["NAME"] = "there\r\nx-evil: 1";
        if (!auth.Contains("hmac", StringComparison.Ordinal))
        {
            Assert.StartsWith("http_request_failed: NAME holds a line break", await _harness.CallAsync(), StringComparison.Ordinal);
        }
    }
}
