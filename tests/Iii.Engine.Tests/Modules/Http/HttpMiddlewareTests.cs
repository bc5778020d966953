using System.Net;
using System.Text.Json.Nodes;
using Iii.Engine.Modules.Http;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpMiddlewareTests
{
    [Fact]
    public async Task They_run_in_order_global_condition_route_handler()
    {
        await using var server = await HttpServer.StartAsync(new HttpOptions
        {
            Middleware = [new() { FunctionId = "late", Priority = 5 }, new() { FunctionId = "early", Priority = -1 }],
        });
        var ran = new List<string>();
        foreach (var id in (string[])["late", "early", "cond", "m1", "m2", "f"])
        {
            server.Function(id, _ =>
            {
                ran.Add(id);
                return Task.FromResult<string?>("""{"action":"continue","status_code":201}""");
            });
        }

        await server.RouteAsync("f", """{"api_path":"a","condition_function_id":"cond","middleware_function_ids":["m1","m2"]}""");
        using var response = await server.GetAsync("/a");
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(["early", "late", "cond", "m1", "m2", "f"], ran);
    }

    [Fact]
    public async Task Middleware_sees_the_request_without_its_body()
    {
        await using var server = await HttpServer.StartAsync();
        JsonNode? seen = null;
        server.Function("m", input => Task.FromResult<string?>((seen = input) is null ? "1" : null));
        server.Function("f", "{}");
        await server.RouteAsync("f", """{"api_path":"a/:id","http_method":"POST","middleware_function_ids":["m"]}""");
        (await server.PostJsonAsync("/a/7?q=x", "{\"secret\":1}")).Dispose();
        Assert.Equal(["phase", "request", "context"], seen!.AsObject().Select(static member => member.Key));
        Assert.Equal("preHandler", (string?)seen["phase"]);
        Assert.Equal(
            ["path_params", "query_params", "headers", "method"], seen["request"]!.AsObject().Select(static member => member.Key));
        Assert.Equal(("7", "x", "POST"), (
            (string?)seen["request"]!["path_params"]!["id"], (string?)seen["request"]!["query_params"]!["q"], (string?)seen["request"]!["method"]));
        Assert.Equal("{}", seen["context"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"action":"respond","response":{"status_code":401,"headers":{"x-why":"no"},"body":{"e":1}}}""", 401, "{\"e\":1}")]
    [InlineData("""{"action":"respond"}""", 200, "{}")]
    [InlineData("""{"action":"continue"}""", 200, "\"handled\"")]
    [InlineData("""{"action":"other","response":{"status_code":401}}""", 200, "\"handled\"")]
    [InlineData("7", 200, "\"handled\"")]
    [InlineData(null, 200, "\"handled\"")]
    public async Task Only_respond_keeps_the_request_from_the_function(string? answer, int status, string body)
    {
        foreach (var isGlobal in (bool[])[true, false])
        {
            await using var server = await HttpServer.StartAsync(
                new HttpOptions { Middleware = isGlobal ? [new() { FunctionId = "m" }] : [] });
            server.Function("m", answer);
            server.Function("f", "\"handled\"");
            await server.RouteAsync("f", isGlobal ? """{"api_path":"a"}""" : """{"api_path":"a","middleware_function_ids":["m"]}""");
            using var response = await server.GetAsync("/a");
            Assert.Equal((status, body), ((int)response.StatusCode, await response.TextAsync()));
        }
    }

    [Theory]
    [InlineData("throws")]
    [InlineData("missing")]
    public async Task Failure_is_500_and_the_function_is_not_called(string middleware)
    {
        await using var server = await HttpServer.StartAsync(new HttpOptions { Middleware = [new() { FunctionId = middleware }] });
        server.Function("throws", static _ => throw new InvalidOperationException("secret"));
        server.Function("f", static _ => throw new InvalidOperationException("called"));
        await server.RouteAsync("f", """{"api_path":"a"}""");
        using var response = await server.GetAsync("/a");
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.DoesNotContain("secret", await response.TextAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain(server.Log.Lines, static line => line.Contains("called", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Slow_middleware_is_504()
    {
        var time = new FakeTimeProvider();
        await using var server = await HttpServer.StartAsync(new HttpOptions { DefaultTimeoutMs = 1000 }, time);
        var never = new TaskCompletionSource<string?>();
        server.Function("m", _ => never.Task);
        server.Function("f", "{}");
        await server.RouteAsync("f", """{"api_path":"a","middleware_function_ids":["m"]}""");
        var sending = server.GetAsync("/a");
        await HttpServer.PassTimeAsync(time, sending);
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await sending).StatusCode);
        never.SetResult(null);
    }

    [Theory]
    [InlineData("7")]
    [InlineData("\"m\"")]
    [InlineData("[7]")]
    [InlineData("[\"\"]")]
    [InlineData("[\"m\",{}]")]
    public async Task List_that_is_none_is_refused(string list)
    {
        await using var server = await HttpServer.StartAsync();
        Assert.Contains(
            "middleware_function_ids",
            server.TryRoute("f", $$"""{"api_path":"a","middleware_function_ids":{{list}}}"""),
            StringComparison.Ordinal);
    }
}
