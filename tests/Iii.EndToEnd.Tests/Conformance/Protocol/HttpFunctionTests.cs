using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>Functions that the engine carries out by calling a URL.</summary>
public class HttpFunctionTests(SharedEngine engine)
{
    [Fact]
    [Trait("spec", "protocol 11.50")]
    public async Task Head_and_small_body_come_in_one_write_with_the_headers_of_the_engine()
    {
        await using var server = RawHttpServer.Answering("200 OK", """{"ok":true}""");
        await using var worker = await engine.ConnectAsync();
        var f = await RegisterAsync(worker, server.Url, ""","headers":{"x-tenant":"acme"}""");
        var answer = await worker.CallAsync(f, $$"""{"text":"{{new string('x', 2000)}}"}""");
        Assert.Equal("""{"ok":true}""", answer.GetProperty("result").GetRawText());

        // This server reads once.
        var request = await server.NextAsync();
        Assert.Equal("POST /webhook HTTP/1.1", request.Line);
        Assert.Equal($$"""{"text":"{{new string('x', 2000)}}","_caller_worker_id":"{{worker.WorkerId}}"}""", request.Body);
        Assert.Equal($"{request.Body.Length}", request["Content-Length"]);
        Assert.Equal("application/json", request["Content-Type"]);
        Assert.Equal(f, request["x-iii-Function-Path"]);
        Assert.Equal(4, Guid.ParseExact(request["x-iii-Invocation-ID"], "D").Version);
        Assert.True(long.TryParse(request["x-iii-Timestamp"], out _));
        Assert.Equal("acme", request["x-tenant"]);
        Assert.All(["Transfer-Encoding", "Expect"], name => Assert.False(request.Has(name), name));
    }

    [Fact]
    [Trait("spec", "protocol 11.50")]
    public async Task Signature_is_that_of_the_time_and_the_body()
    {
        // The test vector of protocol 8.1.
        Assert.Equal("sha256=2ffd35d2d62d7a7582140c709459b0ee4da3696049bc00d9814887ccb0f57bde", Signature("1700000000", """{"order":7}"""));

        await using var server = RawHttpServer.Answering("200 OK", "1");
        await using var worker = await engine.ConnectAsync();
        var f = await RegisterAsync(worker, server.Url, $$""","auth":{"type":"hmac","secret_key":"{{SharedEngine.SecretVariable}}"}""");
        await worker.CallAsync(f, """{"order":7}""");
        var request = await server.NextAsync();
        Assert.Equal(Signature(request["x-iii-Timestamp"], request.Body), request["x-iii-Signature"]);
    }

    /// <remarks>The line gives the engine 300 to 500 ms; here it is so for the very next message.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.51")]
    public async Task Unregistered_function_gets_no_calls_and_is_not_listed()
    {
        await using var server = RawHttpServer.Answering("200 OK", "1");
        await using var owner = await engine.ConnectAsync();
        var f = await RegisterAsync(owner, server.Url);
        Assert.Equal(1, await Discovery.CountAsync(owner, "functions", f));
        Assert.Equal(1, (await owner.CallAsync(f)).GetProperty("result").GetInt32());
        await server.NextAsync();
        await owner.SendAsync($$"""{"type":"unregisterfunction","id":"{{f}}"}""");
        Assert.Equal(0, await Discovery.CountAsync(owner, "functions", f));
        Assert.Equal("function_not_found", (await owner.CallAsync(f)).GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(0, server.Waiting);
    }

    private static async Task<string> RegisterAsync(TestWorker worker, string url, string members = "")
    {
        var f = Ids.New("ext::score");
        await worker.SendAsync(
            $$$"""{"type":"registerfunction","id":"{{{f}}}","invocation":{"url":{{{JsonSerializer.Serialize(url)}}}{{{members}}}}}""");
        return f;
    }

    private static string Signature(string timestamp, string body) =>
        "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(
            Encoding.UTF8.GetBytes(SharedEngine.Secret),
            Encoding.ASCII.GetBytes($"{timestamp}:{Convert.ToBase64String(Encoding.UTF8.GetBytes(body))}")));
}
