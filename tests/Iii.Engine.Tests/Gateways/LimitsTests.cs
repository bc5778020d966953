using System.Text.Json;
using Iii.Engine.Gateways;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Gateways;

/// <summary>What happens at the bounds of the gateway.</summary>
public sealed class LimitsTests
{
    [Fact]
    public async Task A_worker_that_does_not_read_gets_no_more_calls_than_its_queue_holds()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { OutboundQueueBytes = 256 * 1024 });
        await using var caller = await engine.ConnectAsync();
        using var stuck = await RawSocket.ConnectAsync(engine.WorkerPort, RawSocket.Frame(1, """{"type":"registerfunction","id":"f"}"""));
        await Eventually.TrueAsync(async () =>
            (await caller.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions").GetArrayLength() == 1);

        // The kernel's buffers take some megabytes before the queue fills; then the caller is told at once.
        var data = "\"" + new string('x', 64 * 1024) + "\"";
        JsonElement refused = default;
        await Eventually.TrueAsync(async () =>
        {
            await caller.SendCallAsync(Guid.NewGuid(), "f", data);
            var answers = await caller.BarrierAsync();
            refused = answers.Count > 0 ? answers[0] : default;
            return answers.Count > 0;
        });
        Assert.Equal("worker_overloaded", refused.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_full_worker_is_passed_over_for_one_that_has_room()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { OutboundQueueBytes = 256 * 1024 });
        await using var caller = await engine.ConnectAsync();
        using var stuck = await RawSocket.ConnectAsync(engine.WorkerPort, RawSocket.Frame(1, """{"type":"registerfunction","id":"f"}"""));
        await using var healthy = await engine.ConnectAsync();
        await healthy.RegisterAsync("f");
        await healthy.BarrierAsync();
        var data = "\"" + new string('x', 64 * 1024) + "\"";
        var taken = 0;
        for (var i = 0; i < 400; i++)
        {
            await caller.SendCallAsync(Guid.NewGuid(), "f", data);
            Assert.Empty(await caller.BarrierAsync());
            taken += (await healthy.BarrierAsync()).Count;
        }

        // What the stuck one did not take is more than half: it got no more than its queue and the kernel's buffers hold.
        Assert.InRange(taken, 200, 400);
    }

    [Fact]
    public async Task A_caller_that_does_not_read_its_answers_is_disconnected()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { OutboundQueueBytes = 256 * 1024 });
        await using var callee = await engine.ConnectAsync();
        await callee.RegisterAsync("f");
        await callee.BarrierAsync();
        using var stuck = await RawSocket.ConnectAsync(engine.WorkerPort);
        var answer = "\"result\":\"" + new string('x', 256 * 1024) + "\"";
        await Eventually.TrueAsync(async () =>
        {
            // The kernel's buffers take some megabytes before the queue fills.
            try
            {
                await stuck.WriteAsync(RawSocket.Frame(1, $$"""{"type":"invokefunction","invocation_id":"{{Guid.NewGuid()}}","function_id":"f","data":1}"""));
            }
            catch (IOException)
            {
                // Cut: what is waited for.
            }

            foreach (var call in await callee.BarrierAsync())
            {
                await callee.AnswerAsync(call, answer);
            }

            return (await callee.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers").GetArrayLength() == 1;
        });
    }

    [Fact]
    public async Task Registrations_beyond_the_limit_are_refused()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { MaxRegistrations = 3 });
        await using var worker = await engine.ConnectAsync();
        for (var i = 0; i < 5; i++)
        {
            await worker.RegisterAsync($"f{i}");
            await worker.SendAsync($$"""{"type":"registertrigger","id":"T{{i}}","trigger_type":"x","function_id":"f","config":{{i}} }""");
        }

        var result = (await worker.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
        Assert.Equal(3, result.GetArrayLength());
        Assert.Equal(3, (await worker.CallAsync("engine::triggers::list")).GetProperty("result").GetProperty("triggers").GetArrayLength());
    }

    [Fact]
    public async Task A_call_that_nobody_answers_ends_with_the_ceiling()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { InvocationTimeoutMs = 200 });
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, "f");
        var call = await worker.NextCallAsync("f");
        var error = (await worker.ResultAsync(id)).GetProperty("error");
        Assert.Equal("invocation_timeout", error.GetProperty("code").GetString());
        await worker.AnswerAsync(call);
        Assert.Empty(await worker.BarrierAsync());
        Assert.Equal(1, (await worker.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers")[0].GetProperty("active_invocations").GetInt32());
    }

    [Fact]
    public async Task Work_under_way_finishes_before_the_sockets_are_closed()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var caller = await engine.ConnectAsync();
        await using var callee = await engine.ConnectAsync();
        await callee.RegisterAsync("f");
        await callee.BarrierAsync();
        var id = Guid.NewGuid().ToString();
        await caller.SendCallAsync(id, "f");
        var call = await callee.NextCallAsync("f");
        var stopping = engine.StopAsync();
        await callee.AnswerAsync(call);
        Assert.True((await caller.ResultAsync(id)).TryGetProperty("result", out _));
        await caller.EndAsync();
        Assert.Equal(1012, (int)caller.CloseStatus!);
        await stopping;
    }
}
