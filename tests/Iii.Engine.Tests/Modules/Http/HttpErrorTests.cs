using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Iii.Engine.Discovery;
using Iii.Engine.Modules.Http;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Http;

public sealed partial class HttpErrorTests
{
    [Theory]
    [InlineData(HttpErrorFormat.Flat, """{"error":"broker unavailable"}""")]
    [InlineData(
        HttpErrorFormat.Envelope,
        """{"error":{"code":"broker_unavailable","message":"The broker cannot be reached at the moment; try again later"}}""")]
    public async Task Call_that_lacks_the_broker_is_503_and_may_be_tried_again(HttpErrorFormat format, string body)
    {
        await using var server = await HttpServer.StartAsync(new HttpOptions { ErrorFormat = format });
        server.Function("f", _ => throw new EngineFunctionException("broker_unavailable", "no connection"));
        await server.RouteAsync("f", """{"api_path":"a"}""");
        var response = await server.GetAsync("/a");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1)), (response.StatusCode, response.Headers.RetryAfter?.Delta));
        Assert.Equal(body, await response.TextAsync());
        Assert.Contains(server.Log.Lines, line => line.Contains("no connection", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Slow_function_is_504_and_empty_and_its_late_result_harmless()
    {
        var time = new FakeTimeProvider();
        await using var server = await HttpServer.StartAsync(new() { DefaultTimeoutMs = 5000 }, time);
        var late = new TaskCompletionSource<string?>();
        var called = new TaskCompletionSource();
        server.Function("f", _ =>
        {
            called.SetResult();
            return late.Task;
        });
        await server.RouteAsync("f", """{"api_path":"a"}""");
        var pending = server.GetAsync("/a");
        await called.Task;
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(pending.IsCompleted);
        await HttpServer.PassTimeAsync(time, pending);
        var response = await pending;
        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        Assert.Equal("", await response.TextAsync());
        Assert.Equal("*", response.Headers.GetValues("access-control-allow-origin").Single());
        late.SetResult("1");
        Assert.Equal(404, await server.StatusOfAsync("/next"));
    }

    [Fact]
    public async Task Route_can_have_its_own_time()
    {
        var time = new FakeTimeProvider();
        await using var server = await HttpServer.StartAsync(null, time);
        var called = new TaskCompletionSource();
        server.Function("f", async _ =>
        {
            called.SetResult();
            await new TaskCompletionSource().Task;
            return null;
        });
        await server.RouteAsync("f", """{"api_path":"a","timeout_ms":100}""");
        var pending = server.GetAsync("/a");
        await called.Task;
        await HttpServer.PassTimeAsync(time, pending);
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await pending).StatusCode);
    }

    [Fact]
    public async Task Condition_and_function_share_one_time()
    {
        var time = new FakeTimeProvider();
        await using var server = await HttpServer.StartAsync(new() { DefaultTimeoutMs = 1000 }, time);
        var called = new TaskCompletionSource();
        server.Function("c", _ =>
        {
            time.Advance(TimeSpan.FromMilliseconds(600));
            return Task.FromResult<string?>("true");
        });
        server.Function("f", async _ =>
        {
            called.SetResult();
            await new TaskCompletionSource().Task;
            return null;
        });
        await server.RouteAsync("f", """{"api_path":"a","_condition_path":"c"}""");
        var pending = server.GetAsync("/a");
        await called.Task;
        Assert.False(pending.IsCompleted);
        await HttpServer.PassTimeAsync(time, pending);
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await pending).StatusCode);
    }

    [Fact]
    public async Task Body_that_does_not_come_is_504()
    {
        var time = new FakeTimeProvider();
        await using var server = await HttpServer.StartAsync(new() { DefaultTimeoutMs = 1000 }, time);
        server.Function("f", "1");
        await server.RouteAsync("f", """{"api_path":"a","http_method":"POST"}""");
        var pending = server.RawAsync(
            "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{");
        await HttpServer.PassTimeAsync(time, pending);
        Assert.StartsWith("HTTP/1.1 504", await pending, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Envelope_format_says_what_went_wrong()
    {
        await using var server = await HttpServer.StartAsync(new() { ErrorFormat = HttpErrorFormat.Envelope });
        server.Function("f", _ => throw new EngineFunctionException("my_code", "my message"));
        server.Function("c", "false");
        await server.RouteAsync("f", """{"api_path":"a"}""");
        await server.RouteAsync("f", """{"api_path":"b","_condition_path":"c"}""");
        var failed = (await JsonAsync(await server.GetAsync("/a")))["error"]!;
        Assert.Equal(("my_code", "my message"), ((string?)failed["code"], (string?)failed["message"]));
        Assert.Matches(ErrorId(), (string?)failed["error_id"]);
        var skipped = await JsonAsync(await server.GetAsync("/b"));
        Assert.Equal(("condition_not_met", true), ((string?)skipped["error"]!["code"], (bool?)skipped["skipped"]));
        Assert.Equal("not_found", (string?)(await JsonAsync(await server.GetAsync("/c")))["error"]!["code"]);
        Assert.Equal("method_not_allowed", (string?)(await JsonAsync(await server.SendAsync(HttpMethod.Put, "/a")))["error"]!["code"]);
    }

    [Fact]
    public async Task Client_that_leaves_harms_nobody()
    {
        await using var server = await HttpServer.StartAsync(new() { ConcurrencyRequestLimit = 1 });
        var called = new TaskCompletionSource();
        var answer = new TaskCompletionSource<string?>();
        server.Function("slow", _ =>
        {
            called.TrySetResult();
            return answer.Task;
        });
        await server.RouteAsync("slow", """{"api_path":"slow"}""");
        using (var client = new System.Net.Sockets.TcpClient())
        {
            await ConnectAsync(client, server.Port);
            client.Client.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"u8);
            await called.Task;
        }

        answer.SetResult("1");
        Assert.Equal(200, await server.StatusOfAsync("/slow"));
    }

    private static Task ConnectAsync(System.Net.Sockets.TcpClient client, int port) => client.ConnectAsync(IPAddress.Loopback, port);

    private static async Task<JsonObject> JsonAsync(HttpResponseMessage response) =>
        JsonNode.Parse(await response.TextAsync())!.AsObject();

    [GeneratedRegex("^[0-9a-f]{12}$")]
    private static partial Regex ErrorId();
}
