using System.Text;
using Iii.Sdk.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Sdk.Tests;

public class CallTests
{
    private static readonly ReadOnlyMemory<byte> One = "1"u8.ToArray();

    [Fact]
    public async Task Unanswered_call_ends_with_a_timeout()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        var release = Patience.Signal<bool>();
        worker.RegisterRawFunction("slow", async (_, _, _) =>
        {
            await release.Task;
            return One;
        });

        var e = await Assert.ThrowsAsync<IiiTimeoutException>(() =>
            worker.InvokeRawAsync("slow", One, new InvokeOptions { Timeout = TimeSpan.FromMilliseconds(100) }).Within());

        Assert.Equal("invocation_timeout", e.Code);
        release.SetResult(true);
    }

    [Fact]
    public async Task Cancelled_call_ends_at_once_and_its_late_answer_harms_nobody()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        var (started, release) = (Patience.Signal<bool>(), Patience.Signal<bool>());
        worker.RegisterRawFunction("slow", async (_, _, _) =>
        {
            started.SetResult(true);
            await release.Task;
            return One;
        });
        worker.RegisterRawFunction("quick", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));
        using var cancellation = new CancellationTokenSource();
        var call = worker.InvokeRawAsync("slow", One, cancellation: cancellation.Token).AsTask();
        await started.Task.Within();

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Within());
        release.SetResult(true);
        Assert.Equal("2", Encoding.UTF8.GetString((await worker.InvokeRawAsync("quick", "2"u8.ToArray()).Within()).Span));
    }

    [Fact]
    public async Task Call_without_connection_waits_for_it()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = IiiWorker.Start(engine.Url);
        worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));

        Assert.Equal("1", Encoding.UTF8.GetString((await worker.InvokeRawAsync("echo", One).Within()).Span));
    }

    [Fact]
    public async Task Calls_without_connection_time_out_and_are_bounded()
    {
        var time = new FakeTimeProvider();
        await using var worker = IiiWorker.Start(
            "ws://127.0.0.1:1", new IiiWorkerOptions { MaxQueuedCalls = 1, Time = time });
        var waiting = worker.InvokeRawAsync("echo", One).AsTask();

        var full = await Assert.ThrowsAsync<IiiConnectionException>(() => worker.InvokeRawAsync("echo", One).Within());
        Assert.Equal(IiiConnectionException.QueueFull, full.Code);

        time.Advance(IiiWorkerOptions.DefaultInvocationTimeout + TimeSpan.FromSeconds(1));
        var e = await Assert.ThrowsAsync<IiiTimeoutException>(() => waiting.Within());
        Assert.Contains("no connection", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposal_ends_what_waits()
    {
        var worker = IiiWorker.Start("ws://127.0.0.1:1");
        var waiting = worker.InvokeRawAsync("echo", One).AsTask();

        await worker.DisposeAsync();

        var e = await Assert.ThrowsAsync<IiiConnectionException>(() => waiting.Within());
        Assert.Equal(IiiConnectionException.WorkerClosed, e.Code);
        await Assert.ThrowsAsync<IiiConnectionException>(() => worker.InvokeRawAsync("echo", One).Within());
    }

    [Fact]
    public async Task Void_call_reaches_its_function()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        var seen = Patience.Signal<string>();
        worker.RegisterRawFunction("seen", (input, _, _) =>
        {
            seen.SetResult(Encoding.UTF8.GetString(input.Span));
            return default;
        });

        await worker.InvokeVoidAsync("seen", "hello", TestJson.Default.String).Within();

        Assert.Equal("\"hello\"", await seen.Task.Within());
    }

    [Fact]
    public async Task What_is_no_json_is_refused_where_it_is_given()
    {
        await using var worker = IiiWorker.Start("ws://127.0.0.1:1");

        await Assert.ThrowsAsync<ArgumentException>(() => worker.InvokeRawAsync("echo", "{\"a\":"u8.ToArray()).Within());
        await Assert.ThrowsAsync<ArgumentException>(() => worker.InvokeRawAsync("echo", default).Within());
        Assert.Throws<ArgumentException>(() => worker.RegisterTrigger("http", "f", "{]"));
        Assert.Throws<ArgumentException>(() => IiiWorker.Start("localhost:49134"));
    }
}
