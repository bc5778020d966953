using System.Net;
using System.Text.Json;
using Iii.EndToEnd.Tests.Workers;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>Which route a request finds, and what the function learns of it.</summary>
public class RoutingTests(SharedEngine engine)
{
    [Theory]
    [Trait("spec", "http 7.1")]
    [InlineData("")]
    [InlineData("/")]
    public async Task Leading_slash_of_the_pattern_does_not_matter_and_all_else_does(string slash)
    {
        await using var f = await RoutedFunction.WithoutRouteAsync(engine);
        await f.RouteAsync($"{slash}{f.Path}/b");
        foreach (var target in (string[])[$"/{f.Path}/b", $"http://x/{f.Path}/b?q"])
        {
            var status = RawHttp.StatusOfAsync(engine.HttpPort, target);
            await f.Worker.AnswerAsync(await f.CallOfAsync(status));
            Assert.Equal(200, await status);
        }

        foreach (var other in (string[])
            [$"/{f.Path}/b/", $"/{f.Path}/B", $"/{f.Path}//b", $"//{f.Path}/b", $"/{f.Path}/./b", $"/x/../{f.Path}/b", $"/x/%2e%2e/{f.Path}/b", $"/{f.Path}/%62", "/", "http://x"])
        {
            Assert.Equal(404, await RawHttp.StatusOfAsync(engine.HttpPort, other));
        }

        Assert.Empty(await f.Worker.BarrierAsync());
    }

    [Theory]
    [Trait("spec", "http 7.2")]
    [InlineData("")]
    [InlineData("/")]
    public async Task Request_names_the_pattern_as_it_was_registered(string slash)
    {
        await using var f = await RoutedFunction.WithoutRouteAsync(engine);
        var pattern = $"{slash}{f.Path}/:id";
        await f.RouteAsync(pattern);
        var input = await f.InputOfAsync(f.SendAsync(path: f.Path + "/7"));
        Assert.Equal(pattern, input.GetProperty("path").GetString());
        Assert.Equal(pattern, input.GetProperty("trigger").GetProperty("path").GetString());
        Assert.Equal("GET", input.GetProperty("trigger").GetProperty("method").GetString());
    }

    [Theory]
    [Trait("spec", "http 7.3")]
    [InlineData(":id", "a%20b", """{"id":"a%20b"}""")]
    [InlineData(":id", "a%2Fb", """{"id":"a%2Fb"}""")]
    [InlineData("{*rest}", "x/y%20/z/", """{"rest":"x/y%20/z/"}""")]
    public async Task Path_parameters_are_not_decoded(string pattern, string path, string expected)
    {
        await using var f = await RoutedFunction.WithoutRouteAsync(engine);
        await f.RouteAsync($"{f.Path}/{pattern}");
        var sending = RawHttp.StatusOfAsync(engine.HttpPort, $"/{f.Path}/{path}");
        var call = await f.CallOfAsync(sending);
        await f.Worker.AnswerAsync(call);
        Assert.Equal(200, await sending);
        Assert.Equal(expected, call.GetProperty("data").GetProperty("path_params").GetRawText());
    }

    [Fact]
    [Trait("spec", "http 7.24")]
    public async Task Method_without_route_is_405_with_the_methods_there_are()
    {
        await using var f = await RoutedFunction.WithoutRouteAsync(engine);
        await f.RouteAsync(f.Path);
        await f.RouteAsync(f.Path, "put");
        foreach (var method in new[] { "DELETE", "PROPFIND" })
        {
            using var response = await f.SendAsync(method: new HttpMethod(method));
            Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
            Assert.Equal(["GET", "HEAD", "PUT"], response.Content.Headers.Allow);
            Assert.Equal("", await TextAsync(response));
        }
    }

    [Fact]
    [Trait("spec", "http 7.24")]
    public async Task Unknown_path_is_404_and_empty()
    {
        using var response = await engine.Http.GetAsync(Ids.New("nothing"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("", await TextAsync(response));
        Assert.Null(response.Content.Headers.ContentType);
    }

    /// <remarks>The reference answers 404 when there is no trigger for HEAD itself.</remarks>
    [Fact]
    [Trait("spec", "http 7.24")]
    public async Task Head_is_served_like_get_without_the_body()
    {
        await using var get = await RoutedFunction.StartAsync(engine);
        using var response = await get.AnswerAsync(get.SendAsync(method: HttpMethod.Head), """ "result":{"body":"twelve"} """);
        Assert.Equal((HttpStatusCode.OK, 8L), (response.StatusCode, response.Content.Headers.ContentLength));
        Assert.Equal("", await TextAsync(response));

        await using var head = await RoutedFunction.WithoutRouteAsync(engine);
        await head.Worker.SendAsync(RoutedFunction.Trigger(Ids.New("T"), head.Id, get.Path, "HEAD"));
        await head.RouteAsync(head.Path, "HEAD");
        using var own = await head.AnswerAsync(head.SendAsync(method: HttpMethod.Head, path: get.Path), """ "result":{"status_code":299,"body":"x"} """);
        Assert.Equal(299, (int)own.StatusCode);
    }

    [Theory]
    [Trait("spec", "http 7.27")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Route_that_another_worker_registers_as_well_stays_when_the_first_one_leaves(bool politely)
    {
        var path = Ids.New("path");
        await using var first = await RawWorker.ConnectAsync(engine.Process, "first");
        await using var second = await RawWorker.ConnectAsync(engine.Process, "second");
        foreach (var worker in new[] { first, second })
        {
            var f = Ids.New("f");
            await worker.SendAsync($$"""{"type":"registerfunction","id":"{{f}}"}""");
            await worker.SendAsync(RoutedFunction.Trigger(Ids.New("T"), f, path));
            await worker.CallAsync("engine::workers::list");
        }

        await Eventually.TrueAsync("the one that registered last serves", async () => await ServedByAsync() == "second");
        var firstId = await first.WorkerIdAsync();
        if (politely)
        {
            await first.CloseAsync();
        }
        else
        {
            first.Abort();
        }

        await Eventually.TrueAsync("the engine has cleaned up after the first worker", async () =>
        {
            var answer = await second.CallAsync("engine::workers::list", $$"""{"worker_id":"{{firstId}}"}""");
            return answer.GetProperty("result").GetProperty("workers").GetArrayLength() == 0;
        });

        // Routes are published in order, so when a newer one is live, the end of the first worker has been taken in.
        var later = Ids.New("path");
        await second.SendAsync(RoutedFunction.Trigger(Ids.New("T"), "f", later));
        await RoutedFunction.IsLiveAsync(engine, later);
        Assert.Equal("second", await ServedByAsync());
        second.Abort();
        await RoutedFunction.IsGoneAsync(engine, path);

        async Task<string?> ServedByAsync()
        {
            var body = await engine.Http.GetStringAsync(path, TestContext.Current.CancellationToken);
            return JsonElement.Parse(body).GetProperty("served_by").GetString();
        }
    }

    [Fact]
    [Trait("spec", "http 7.28")]
    public async Task Each_method_has_its_own_parameter_names()
    {
        await using var f = await RoutedFunction.WithoutRouteAsync(engine);
        await f.RouteAsync(f.Path + "/:id");
        await f.RouteAsync(f.Path + "/:name", "POST");
        var path = f.Path + "/1";
        Assert.Equal("""{"id":"1"}""", Parameters(await f.InputOfAsync(f.SendAsync(path: path))));
        Assert.Equal("""{"name":"1"}""", Parameters(await f.InputOfAsync(f.SendAsync(method: HttpMethod.Post, path: path))));
        Assert.Empty(await f.Worker.BarrierAsync());
    }

    private static string Parameters(JsonElement input) => input.GetProperty("path_params").GetRawText();

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
