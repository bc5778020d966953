using System.Net;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpConcurrencyTests
{
    [Fact]
    public async Task Request_that_may_not_wait_is_503_with_retry_after()
    {
        await using var server = await HttpServer.StartAsync(new() { ConcurrencyRequestLimit = 1, ConcurrencyQueueLimit = 0 });
        var called = new TaskCompletionSource();
        var go = new TaskCompletionSource<string?>();
        server.Function("slow", _ =>
        {
            called.TrySetResult();
            return go.Task;
        });
        await server.RouteAsync("slow", """{"api_path":"slow"}""");
        var first = server.GetAsync("/slow");
        await called.Task;
        var second = await server.GetAsync("/slow");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.Equal("1", second.Headers.RetryAfter?.ToString());
        Assert.Equal(HttpStatusCode.NotFound, (await server.GetAsync("/nothing")).StatusCode);
        go.SetResult("1");
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/slow")).StatusCode);
    }

    [Fact]
    public async Task Request_that_waited_too_long_is_503()
    {
        var time = new FakeTimeProvider();
        await using var server = await HttpServer.StartAsync(new() { ConcurrencyRequestLimit = 1, DefaultTimeoutMs = 1000 }, time);
        var called = new TaskCompletionSource();
        server.Function("slow", async _ =>
        {
            called.TrySetResult();
            await new TaskCompletionSource().Task;
            return null;
        });
        await server.RouteAsync("slow", """{"api_path":"slow","timeout_ms":80000000}""");
        var first = server.GetAsync("/slow");
        await called.Task;
        var second = server.GetAsync("/slow");
        await HttpServer.PassTimeAsync(time, second);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await second).StatusCode);
        time.Advance(TimeSpan.FromDays(1));
        await HttpServer.PassTimeAsync(time, first);
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await first).StatusCode);
    }
}
