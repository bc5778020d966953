using System.Net;
using Iii.Engine.Modules.Http;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpCorsTests
{
    private const string Vary = "origin, access-control-request-method, access-control-request-headers";

    [Theory]
    [InlineData("/a")]
    [InlineData("/nothing")]
    [InlineData("/fails")]
    public async Task Without_rules_every_response_is_open(string path)
    {
        await using var server = await StartAsync();
        var response = await server.GetAsync(path);
        Assert.Equal("*", Header(response, "access-control-allow-origin"));
        Assert.Equal("*", Header(response, "access-control-expose-headers"));
        Assert.Equal(Vary, Header(response, "vary"));
    }

    [Theory]
    [InlineData("/a")]
    [InlineData("/nothing")]
    public async Task Options_is_200_anywhere_and_calls_no_function(string path)
    {
        await using var server = await StartAsync();
        var response = await server.SendAsync(HttpMethod.Options, path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("", await response.TextAsync());
        Assert.Equal("*", Header(response, "access-control-allow-methods"));
        Assert.Equal("*", Header(response, "access-control-allow-headers"));
        Assert.Equal("*", Header(response, "access-control-allow-origin"));
    }

    [Fact]
    public async Task Options_of_the_whole_server_is_200()
    {
        await using var server = await StartAsync();
        Assert.StartsWith(
            "HTTP/1.1 200", await server.RawAsync("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trigger_for_options_gets_what_is_no_preflight()
    {
        await using var server = await StartAsync();
        await server.RouteAsync("f", """{"api_path":"own","http_method":"OPTIONS"}""");
        Assert.Equal("1", await (await server.SendAsync(HttpMethod.Options, "/own")).TextAsync());
        var preflight = await server.SendAsync(HttpMethod.Options, "/own", ("Origin", "http://x"), ("Access-Control-Request-Method", "GET"));
        Assert.Equal("", await preflight.TextAsync());
        Assert.Equal("*", Header(preflight, "access-control-allow-methods"));
    }

    [Fact]
    public async Task Listed_origin_is_echoed_and_another_served_without_leave()
    {
        await using var server = await StartAsync(new()
        {
            Cors = new HttpCorsOptions { AllowedOrigins = ["https://a.example", "https://b.example"], AllowedMethods = ["GET", "post"] },
        });
        var listed = await server.SendAsync(HttpMethod.Get, "/a", ("Origin", "https://b.example"));
        Assert.Equal("https://b.example", Header(listed, "access-control-allow-origin"));
        Assert.Null(Header(listed, "access-control-expose-headers"));
        Assert.Equal(Vary, Header(listed, "vary"));
        foreach (var origin in (string[])["https://c.example", "https://A.example", "https://a.example.org"])
        {
            var other = await server.SendAsync(HttpMethod.Get, "/a", ("Origin", origin));
            Assert.Null(Header(other, "access-control-allow-origin"));
            Assert.Equal("1", await other.TextAsync());
        }

        var preflight = await server.SendAsync(HttpMethod.Options, "/a", ("Origin", "https://a.example"), ("Access-Control-Request-Method", "PUT"));
        Assert.Equal("GET,POST", Header(preflight, "access-control-allow-methods"));
    }

    [Fact]
    public async Task Headers_of_the_function_give_way()
    {
        await using var server = await StartAsync();
        server.Function("own", """{"headers":{"Access-Control-Allow-Origin":"https://x","Vary":"accept"},"body":1}""");
        await server.RouteAsync("own", """{"api_path":"own"}""");
        var response = await server.GetAsync("/own");
        Assert.Equal("*", Header(response, "access-control-allow-origin"));
        Assert.Equal("accept, " + Vary, Header(response, "vary"));
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    private static async Task<HttpServer> StartAsync(HttpOptions? options = null)
    {
        var server = await HttpServer.StartAsync(options);
        server.Function("f", "1");
        server.Function("fails", _ => throw new InvalidOperationException("no"));
        await server.RouteAsync("f", """{"api_path":"a"}""");
        await server.RouteAsync("fails", """{"api_path":"fails"}""");
        return server;
    }
}
