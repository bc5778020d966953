namespace Iii.Engine.Tests.Modules.HttpFunctions;

/// <summary>What a response means (the table of protocol §8.1).</summary>
public sealed class HttpFunctionResponseTests : IDisposable
{
    private readonly FunctionHarness _harness = new(FunctionHarness.Open with { MaxResponseBytes = 1000 });

    public void Dispose() => _harness.Dispose();

    [Theory]
    [InlineData("200 OK", "", null)]
    [InlineData("204 No Content", "", null)]
    [InlineData("200 OK", " \r\n", null)]
    [InlineData("200 OK", "null", null)]
    [InlineData("200 OK", """{"b":1.50, "a":9007199254740993}""", """{"b":1.50, "a":9007199254740993}""")]
    [InlineData("201 Created", "[1, 2]\n", "[1, 2]")]
    [InlineData("200 OK", "false", "false")]
    [InlineData("200 OK", "\uFEFF{}", "{}")]
    [InlineData("200 OK", "<html>", "invalid_response: The response, HTTP 200, is not JSON in UTF-8")]
    [InlineData("200 OK", "{} {}", "invalid_response: The response, HTTP 200, is not JSON in UTF-8")]
    [InlineData("200 OK", "{", "invalid_response: The response, HTTP 200, is not JSON in UTF-8")]
    [InlineData("404 Not Found", "", "http_error: HTTP 404 Not Found")]
    [InlineData("404 Gone fishing", "nothing here", "http_error: HTTP 404 Not Found")]
    [InlineData("500 x", """{"message":"no"}""", "http_error: HTTP 500 Internal Server Error")]
    [InlineData("599 x", "", "http_error: HTTP 599")]
    [InlineData("402 x", """{"error":{"code":"broke","message":"No money"}}""", "broke: No money")]
    [InlineData("402 x", """{"error":{"message":"No money"}}""", "http_error: No money")]
    [InlineData("402 x", """{"error":{"code":"broke"}}""", "broke: HTTP request failed")]
    [InlineData("402 x", """{"error":"broke"}""", "http_error: HTTP request failed")]
    [InlineData("402 x", """{"error":{"code":7,"message":[]}}""", "http_error: HTTP request failed")]
    public async Task Response_is_what_the_table_says(string status, string body, string? outcome)
    {
        await using var server = RawHttpServer.Answering(status, body);
        _harness.Register(server.Url);
        Assert.Equal(outcome, await _harness.CallAsync());
    }

    [Fact]
    public async Task Redirect_is_not_followed()
    {
        await using var other = RawHttpServer.Answering("200 OK", "{}");
        await using var server = RawHttpServer.Answering(RawHttpServer.Response("302 Found", "", $"Location: {other.Url}\r\n"));
        _harness.Register(server.Url);
        Assert.Equal("http_error: HTTP 302 Found", await _harness.CallAsync());
        Assert.Equal(0, other.Waiting);
    }

    [Fact]
    public async Task Answer_that_is_not_UTF8_is_invalid()
    {
        await using var server = RawHttpServer.AnsweringBytes(
            [.. "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\""u8, 0xFF, (byte)'"']);
        _harness.Register(server.Url);
        Assert.StartsWith("invalid_response: ", await _harness.CallAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deep_answer_is_invalid()
    {
        await using var server = RawHttpServer.Answering("200 OK", new string('[', 490) + new string(']', 490));
        _harness.Register(server.Url);
        Assert.StartsWith("[[[", await _harness.CallAsync(), StringComparison.Ordinal);
        using var patient = new FunctionHarness();
        await using var deeper = RawHttpServer.Answering("200 OK", new string('[', 600) + new string(']', 600));
        patient.Register(deeper.Url);
        Assert.StartsWith("invalid_response: ", await patient.CallAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Content-Length: 1001\r\n")]
    [InlineData("")]
    public async Task Long_answer_is_cut_off(string length)
    {
        await using var server = RawHttpServer.Answering(
            $"HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n\"{new string('x', 999)}\"");
        _harness.Register(server.Url);
        Assert.Equal(
            "http_response_failed: The body of the response has more than 1000 bytes (max_response_bytes of the module)",
            await _harness.CallAsync());
    }

    [Fact]
    public async Task Longest_answer_passes()
    {
        var body = $"\"{new string('x', 998)}\"";
        await using var server = RawHttpServer.Answering("200 OK", body);
        _harness.Register(server.Url);
        Assert.Equal(body, await _harness.CallAsync());
    }

    [Fact]
    public async Task Answer_that_breaks_off_is_a_failed_response()
    {
        await using var server = RawHttpServer.Answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"half\":");
        _harness.Register(server.Url);
        Assert.StartsWith("http_response_failed: ", await _harness.CallAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_that_is_not_there_is_a_failed_request()
    {
        string url;
        await using (var server = RawHttpServer.Silent())
        {
            url = server.Url;
        }

        _harness.Register(url);
        Assert.StartsWith("http_request_failed: ", await _harness.CallAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compressed_answer_is_not_unpacked()
    {
        await using var server = RawHttpServer.Answering(RawHttpServer.Response("200 OK", "{}", "Content-Encoding: gzip\r\n"));
        _harness.Register(server.Url);
        Assert.Equal("{}", await _harness.CallAsync());
    }
}
