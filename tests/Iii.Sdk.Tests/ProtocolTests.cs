using Iii.Sdk.Tests.Support;

namespace Iii.Sdk.Tests;

public class ProtocolTests
{
    [Theory]
    [InlineData(1000)]
    [InlineData(1012)]
    public async Task Everything_is_replayed_in_order_whatever_the_close_code(int code)
    {
        await using var engine = await FakeEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url, new IiiWorkerOptions { Name = "billing" }).Within();
        var introduction = await engine.Messages.ReadAsync(TestContext.Current.CancellationToken).Within();
        Assert.Equal("engine::workers::register", introduction.GetProperty("function_id").GetString());
        Assert.False(introduction.TryGetProperty("invocation_id", out _));
        var about = introduction.GetProperty("data");
        Assert.Equal(("dotnet", "billing"), (about.GetProperty("runtime").GetString(), about.GetProperty("name").GetString()));
        Assert.Equal(Environment.ProcessId, about.GetProperty("pid").GetInt32());

        var trigger = worker.RegisterTrigger("mailbox", "triage");
        worker.RegisterRawFunction("triage", static (_, _, _) => default);
        worker.RegisterTriggerType("mailbox", "Incoming mail", static (_, _) => default);
        Assert.Equal("registertrigger", TypeOf(await engine.NextAsync()));
        Assert.Equal("registerfunction", TypeOf(await engine.NextAsync()));
        Assert.Equal("registertriggertype", TypeOf(await engine.NextAsync()));

        await engine.CloseAsync(code);
        while (worker.WorkerId == "w1")
        {
            await Task.Yield();
        }

        var later = worker.InvokeRawAsync("later", "1"u8.ToArray()).AsTask();
        var reattach = await engine.NextAsync();
        Assert.Equal(("reattach", "w1", "t1"), (TypeOf(reattach), reattach.GetProperty("previous_worker_id").GetString(), reattach.GetProperty("reattach_token").GetString()));
        Assert.Equal("registertriggertype", TypeOf(await engine.NextAsync()));
        Assert.Equal("registerfunction", TypeOf(await engine.NextAsync()));
        Assert.Equal(trigger.Id, (await engine.NextAsync()).GetProperty("id").GetString());
        Assert.Equal("later", (await engine.NextAsync()).GetProperty("function_id").GetString());
        var last = await engine.Messages.ReadAsync(TestContext.Current.CancellationToken).Within();
        Assert.Equal("engine::workers::register", last.GetProperty("function_id").GetString());
        Assert.False(later.IsCompleted);
    }

    [Fact]
    public async Task Nonsense_and_news_are_ignored()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));
        await engine.NextAsync();

        await engine.SayAsync("{\"type\":");
        await engine.SayAsync("[]");
        await engine.SayAsync("""{"type":"fromthefuture"}""");
        await engine.SayAsync("""{"type":"invocationresult","invocation_id":"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10"}""");
        await engine.SayAsync("""{"type":"invokefunction","function_id":"echo","data":1}""");
        await engine.SayAsync("""{"type":"invokefunction","invocation_id":"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10","function_id":"echo","data":[2]}""");

        var answer = await engine.NextAsync();
        Assert.Equal("invocationresult", TypeOf(answer));
        Assert.Equal("[2]", answer.GetProperty("result").GetRawText());
        Assert.Equal("b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10", answer.GetProperty("invocation_id").GetString());
    }

    [Fact]
    public async Task Trace_goes_from_call_to_handler_and_on_to_further_calls()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterRawFunction("outer", async (input, context, cancellation) =>
        {
            await context.Worker.InvokeVoidRawAsync("inner", input, cancellation: cancellation);
            return default;
        });
        await engine.NextAsync();

        await engine.SayAsync("""
            {"type":"invokefunction","invocation_id":"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10","function_id":"outer","data":1,
             "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","baggage":"tenant=a%20b"}
            """);

        var inner = await engine.NextAsync();
        Assert.StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736-", inner.GetProperty("traceparent").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("00f067aa0ba902b7", inner.GetProperty("traceparent").GetString(), StringComparison.Ordinal);
        Assert.Equal("tenant=a%20b", inner.GetProperty("baggage").GetString());
    }

    [Fact]
    public async Task Enqueued_call_gives_the_receipt()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();

        var enqueuing = worker.EnqueueAsync("mails", "mail::send", "x", TestJson.Default.String).AsTask();
        var call = await engine.NextAsync();
        Assert.Equal("""{"type":"enqueue","queue":"mails"}""", call.GetProperty("action").GetRawText());
        await engine.SayAsync($$$"""{"type":"invocationresult","invocation_id":"{{{call.GetProperty("invocation_id")}}}","result":{"messageReceiptId":"r1"}}""");

        Assert.Equal("r1", (await enqueuing.Within()).MessageId);
    }

    [Fact]
    public async Task Silent_engine_is_given_up()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(
            engine.Url, new IiiWorkerOptions { PingInterval = TimeSpan.FromSeconds(20), PingTimeout = TimeSpan.FromSeconds(60), Time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider() }).Within();
        var time = (Microsoft.Extensions.Time.Testing.FakeTimeProvider)worker.Options.Time;
        var call = worker.InvokeRawAsync("never", "1"u8.ToArray(), new InvokeOptions { Timeout = TimeSpan.FromHours(1) }).AsTask();
        await engine.NextAsync();

        time.Advance(TimeSpan.FromSeconds(61));

        var e = await Assert.ThrowsAsync<IiiConnectionException>(() => call.Within());
        Assert.Equal(IiiConnectionException.ConnectionLost, e.Code);
    }

    private static string? TypeOf(System.Text.Json.JsonElement message) => message.GetProperty("type").GetString();
}
