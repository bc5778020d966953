using System.Net;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpResponseTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("null")]
    [InlineData("""{"status_code":204,"body":{"ignored":true}}""")]
    public async Task No_result_is_204_and_empty(string? result)
    {
        await using var server = await StartAsync(result);
        var response = await server.GetAsync("/a");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("", await response.TextAsync());
        Assert.Null(response.Content.Headers.ContentType);
    }

    [Theory]
    [InlineData("\"<p>\\u00e9 \\\"x\\\"\\n</p>\"", "<p>é \"x\"\n</p>")]
    [InlineData("\"plain\"", "plain")]
    [InlineData("null", "")]
    [InlineData("{\"a\":1}", "{\"a\":1}")]
    [InlineData("\"\\ud800\"", "\\ud800")]
    public async Task Own_content_type_sends_text_as_it_is(string body, string expected)
    {
        await using var server = await StartAsync($$$"""{"headers":{"Content-Type":"text/html"},"body":{{{body}}} }""");
        var response = await server.GetAsync("/a");
        Assert.Equal("text/html", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(expected, await response.TextAsync());
    }

    [Theory]
    [InlineData("""{"Set-Cookie":["a=1","b=2"],"X-One":"1","Connection":"keep-alive","Content-Length":"3"}""")]
    [InlineData("""["Set-Cookie: a=1","Set-Cookie: b=2","X-One: 1","Connection: keep-alive","Content-Length: 3"]""")]
    public async Task Headers_are_sent_in_both_forms(string headers)
    {
        await using var server = await StartAsync($$"""{"status_code":302,"headers":{{headers}},"body":[]}""");
        var response = await server.GetAsync("/a");
        Assert.Equal(302, (int)response.StatusCode);
        Assert.Equal(["a=1", "b=2"], response.Headers.GetValues("set-cookie"));
        Assert.Equal("1", response.Headers.GetValues("x-one").Single());
        Assert.Equal("[]", await response.TextAsync());
    }

    [Fact]
    public async Task Header_value_cannot_inject_another_header()
    {
        await using var server = await StartAsync("""{"headers":{"X-A":"1\r\nX-B: 2","X-C\r\nX-D":"3"},"body":1}""");
        var response = await server.GetAsync("/a");
        Assert.Equal("1", await response.TextAsync());
        Assert.DoesNotContain(response.Headers, header => header.Key.StartsWith("X-", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Large_result_arrives_whole()
    {
        var text = new string('x', 5_000_000);
        await using var server = await StartAsync($"\"{text}\"");
        Assert.Equal(text.Length + 2, (await (await server.GetAsync("/a")).TextAsync()).Length);
    }

    private static async Task<HttpServer> StartAsync(string? result)
    {
        var server = await HttpServer.StartAsync();
        server.Function("f", result);
        await server.RouteAsync("f", """{"api_path":"a"}""");
        return server;
    }
}
