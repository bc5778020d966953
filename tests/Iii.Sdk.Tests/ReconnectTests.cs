using System.Text;
using Iii.Sdk.Connection;
using Iii.Sdk.Tests.Support;

namespace Iii.Sdk.Tests;

public class ReconnectTests
{
    private static readonly ReadOnlyMemory<byte> One = "1"u8.ToArray();

    [Fact]
    public async Task Everything_is_there_again_after_the_engine_was_restarted()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterFunction("math.add", (Terms terms) => new Sum(terms.A + terms.B), TestJson.Default.Terms, TestJson.Default.Sum);
        worker.RegisterHttpTrigger("math.add", "/add", "POST");
        var gone = worker.RegisterHttpTrigger("math.add", "/gone", "POST");
        var first = worker.WorkerId;

        Task<Sum>? waiting = null;
        await engine.RestartAsync(async () =>
        {
            while (worker.IsConnected)
            {
                await Task.Yield();
            }

            gone.Dispose();
            waiting = worker.InvokeAsync("math.add", new Terms(2, 3), TestJson.Default.Terms, TestJson.Default.Sum).AsTask();
        });

        Assert.Equal(5, (await waiting!.Within()).C);
        await worker.WaitUntilConnectedAsync(TestContext.Current.CancellationToken).Within();
        Assert.NotEqual(first, worker.WorkerId);
        using var client = new HttpClient { BaseAddress = engine.Http };
        Assert.Equal("""{"c":3}""", await PostAsync(client, "/add"));
        using var answer = await client.PostAsync("/gone", Body(), TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Call_that_was_sent_fails_at_once_when_the_connection_breaks()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        await using var caller = await IiiWorker.ConnectAsync(engine.Url).Within();
        var started = Patience.Signal<bool>();
        worker.RegisterRawFunction("never", async (_, _, cancellation) =>
        {
            started.TrySetResult(true);
            await new TaskCompletionSource().Task.WaitAsync(cancellation);
            return One;
        });
        var call = Patience.EventuallyAsync(() => caller.InvokeRawAsync("never", One));
        await started.Task.Within();

        caller.Connection.Cut();

        var e = await Assert.ThrowsAsync<IiiConnectionException>(() => call.Within());
        Assert.Equal(IiiConnectionException.ConnectionLost, e.Code);
        await caller.WaitUntilConnectedAsync(TestContext.Current.CancellationToken).Within();
    }

    [Fact]
    public void Wait_doubles_from_one_second_to_thirty_with_jitter()
    {
        var backoff = new Backoff(static () => 0.5);
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], Enumerable.Range(0, 7).Select(_ => backoff.Next().TotalSeconds));
        backoff.Reset();
        Assert.Equal(1, backoff.Next().TotalSeconds);

        Assert.Equal(0.7, new Backoff(static () => 0).Next().TotalSeconds, 3);
        Assert.Equal(1.3, new Backoff(static () => 1).Next().TotalSeconds, 3);
    }

    private static StringContent Body() => new("""{"a":1,"b":2}""", Encoding.UTF8, "application/json");

    private static Task<string> PostAsync(HttpClient client, string path) =>
        client.TextAsync(() => new HttpRequestMessage(HttpMethod.Post, path) { Content = Body() });
}
