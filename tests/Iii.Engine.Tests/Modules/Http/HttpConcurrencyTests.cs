using System.Net;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpConcurrencyTests
{
    [Fact]
    public async Task Request_over_the_limit_waits_and_nobody_is_turned_away()
    {
        const int Limit = 16;
        await using var server = await HttpServer.StartAsync(new() { ConcurrencyRequestLimit = Limit });
        var under = 0;
        var go = new TaskCompletionSource<string?>();
        server.Function("slow", _ =>
        {
            Interlocked.Increment(ref under);
            return go.Task;
        });
        await server.RouteAsync("slow", """{"api_path":"slow"}""");
        var requests = Enumerable.Range(0, Limit + 1).Select(_ => server.GetAsync("/slow")).ToArray();
        await HttpServer.UntilAsync(() => under == Limit);
        go.SetResult("1");
        foreach (var request in requests)
        {
            Assert.Equal(HttpStatusCode.OK, (await request).StatusCode);
        }

        Assert.Equal(Limit + 1, under);
    }

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
