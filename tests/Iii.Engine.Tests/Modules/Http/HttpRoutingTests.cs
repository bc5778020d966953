using System.Net;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpRoutingTests
{
    [Theory]
    [InlineData("a/b")]
    [InlineData("/a/b")]
    public async Task Leading_slash_of_the_pattern_does_not_matter_and_all_else_does(string pattern)
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("f", "1");
        await server.RouteAsync("f", $$"""{"api_path":"{{pattern}}"}""");
        Assert.Equal(200, await server.StatusOfAsync("/a/b"));
        Assert.Equal(200, await server.StatusOfAsync("http://x/a/b?q"));
        foreach (var other in (string[])["/a/b/", "/A/b", "/a//b", "//a/b", "/a/./b", "/x/../a/b", "/x/%2e%2e/a/b", "/%61/b", "/", "http://x"])
        {
            Assert.Equal(404, await server.StatusOfAsync(other));
        }
    }

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

    [Theory]
    [InlineData("users/:id")]
    [InlineData("/users/:id")]
    public async Task Request_names_the_pattern_as_it_was_registered(string pattern)
    {
        await using var server = await HttpServer.StartAsync();
        server.Echo("f");
        await server.RouteAsync("f", $$"""{"api_path":"{{pattern}}"}""");
        var input = await server.GetJsonAsync("/users/7");
        Assert.Equal(pattern, (string?)input["path"]);
        Assert.Equal(pattern, (string?)input["trigger"]!["path"]);
        Assert.Equal("GET", (string?)input["trigger"]!["method"]);
    }

    [Fact]
    public async Task Path_parameters_are_not_decoded()
    {
        await using var server = await HttpServer.StartAsync();
        server.Echo("f");
        await server.RouteAsync("f", """{"api_path":"/users/:id"}""");
        await server.RouteAsync("f", """{"api_path":"/files/{*rest}"}""");
        Assert.Equal("a%20b", (string?)(await server.GetJsonAsync("/users/a%20b"))["path_params"]!["id"]);
        Assert.Equal("a%2Fb", (string?)(await server.GetJsonAsync("/users/a%2Fb"))["path_params"]!["id"]);
        Assert.Equal("x/y%20/z/", (string?)(await server.GetJsonAsync("/files/x/y%20/z/"))["path_params"]!["rest"]);
    }

    [Fact]
    public async Task Each_method_has_its_own_parameter_names()
    {
        await using var server = await HttpServer.StartAsync();
        server.Echo("f");
        await server.RouteAsync("f", """{"api_path":"u/:id"}""");
        await server.RouteAsync("f", """{"api_path":"u/:name","http_method":"POST"}""");
        Assert.Equal("""{"id":"1"}""", (await server.GetJsonAsync("/u/1"))["path_params"]!.ToJsonString());
        Assert.Equal("""{"name":"1"}""", (await HttpServer.JsonOf(await server.PostJsonAsync("/u/1", "")))["path_params"]!.ToJsonString());
    }

    [Fact]
    public async Task Method_without_route_is_405_with_the_methods_there_are()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("f", "1");
        await server.RouteAsync("f", """{"api_path":"a"}""");
        await server.RouteAsync("f", """{"api_path":"a","http_method":"put"}""");
        var response = await server.SendAsync(HttpMethod.Delete, "/a");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["GET", "HEAD", "PUT"], response.Content.Headers.Allow);
        Assert.Equal("", await Text(response));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await server.SendAsync(new HttpMethod("PROPFIND"), "/a")).StatusCode);
    }

    [Fact]
    public async Task Unknown_path_is_404_and_empty()
    {
        await using var server = await HttpServer.StartAsync();
        var response = await server.GetAsync("/nothing");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("", await Text(response));
        Assert.Null(response.Content.Headers.ContentType);
    }

    [Fact]
    public async Task Head_is_served_like_get_without_the_body()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("get", """{"body":"twelve"}""");
        server.Function("head", """{"status_code":299,"body":"x"}""");
        await server.RouteAsync("get", """{"api_path":"a"}""");
        await server.RouteAsync("get", """{"api_path":"b"}""");
        await server.RouteAsync("head", """{"api_path":"b","http_method":"HEAD"}""");
        var response = await server.SendAsync(HttpMethod.Head, "/a");
        Assert.Equal((HttpStatusCode.OK, 8L), (response.StatusCode, response.Content.Headers.ContentLength));
        Assert.Equal("", await Text(response));
        Assert.Equal(299, (int)(await server.SendAsync(HttpMethod.Head, "/b")).StatusCode);
    }

    [Fact]
    public async Task Route_stays_when_the_worker_that_replaced_it_leaves()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("old", "\"old\"");
        server.Function("new", "\"new\"");
        var oldWorker = await server.RouteAsync("old", """{"api_path":"a"}""");
        var newWorker = await server.RouteAsync("new", """{"api_path":"/a"}""");
        Assert.Equal("\"new\"", await Text(await server.GetAsync("/a")));
        await server.DisconnectAsync(newWorker);
        Assert.Equal("\"old\"", await Text(await server.GetAsync("/a")));
        await server.DisconnectAsync(oldWorker);
        Assert.Equal(404, await server.StatusOfAsync("/a"));
    }

    [Fact]
    public async Task Route_stays_when_the_worker_that_was_replaced_leaves()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("f", "1");
        var first = await server.RouteAsync("f", """{"api_path":"a"}""");
        var replica = await server.RouteAsync("f", """{"api_path":"a"}""");
        await server.DisconnectAsync(first);
        Assert.Equal(200, await server.StatusOfAsync("/a"));
        await server.DisconnectAsync(replica);
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

    private static Task<string> Text(HttpResponseMessage response) => response.TextAsync();
}
