namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpRoutingTests
{
    [Fact]
    public async Task Trailing_slash_can_be_ignored()
    {
        await using var server = await HttpServer.StartAsync(new() { IgnoreTrailingSlash = true });
        server.Function("f", "1");
        await server.RouteAsync("f", """{"api_path":"a"}""");
        await server.RouteAsync("f", """{"api_path":"b/"}""");
        foreach (var path in (string[])["/a", "/a/", "/a/?q=1", "/b", "/b/"])
        {
            Assert.Equal(200, await server.StatusOfAsync(path));
        }

        Assert.Equal(404, await server.StatusOfAsync("/a//"));
    }

    [Fact]
    public async Task Route_stays_when_the_worker_that_replaced_it_leaves()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("old", "\"old\"");
        server.Function("new", "\"new\"");
        var oldWorker = await server.RouteAsync("old", """{"api_path":"a"}""");
        var newWorker = await server.RouteAsync("new", """{"api_path":"/a"}""");
        Assert.Equal("\"new\"", await (await server.GetAsync("/a")).TextAsync());
        await server.DisconnectAsync(newWorker);
        Assert.Equal("\"old\"", await (await server.GetAsync("/a")).TextAsync());
        await server.DisconnectAsync(oldWorker);
        Assert.Equal(404, await server.StatusOfAsync("/a"));
    }

    [Fact]
    public async Task Bad_config_is_refused_and_leaves_the_other_routes_alone()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("f", "1");
        Assert.Contains("FETCH", server.TryRoute("f", """{"api_path":"a","http_method":"FETCH"}"""), StringComparison.Ordinal);
        Assert.Contains("api_path", server.TryRoute("f", "{}"), StringComparison.Ordinal);
        await server.RouteAsync("f", """{"api_path":"a"}""");
        Assert.Equal(200, await server.StatusOfAsync("/a"));
    }

    [Fact]
    public async Task Function_for_unmatched_paths_is_called_with_the_concrete_path()
    {
        await using var server = await HttpServer.StartAsync(new() { NotFoundFunction = "lost" });
        server.Echo("lost");
        var input = await server.GetJsonAsync("/no/such%20path?x=1");
        Assert.Equal("/no/such%20path", (string?)input["path"]);
        Assert.Equal("{}", input["path_params"]!.ToJsonString());
        Assert.Equal("1", (string?)input["query_params"]!["x"]);
        Assert.Equal("DELETE", (string?)(await HttpServer.JsonOf(await server.SendAsync(HttpMethod.Delete, "/x")))["method"]);
    }
}
