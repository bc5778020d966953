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

        // What is registered can be renewed at the limit.
        await worker.SendAsync("""{"type":"registerfunction","id":"f1","description":"renewed"}""");
        result = (await worker.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
        Assert.Contains(result.EnumerateArray(), static row => row.GetProperty("description").GetString() == "renewed");
    }

    [Fact]
    public async Task Trigger_types_beyond_the_limit_are_refused()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { MaxRegistrations = 3 });
        await using var worker = await engine.ConnectAsync();
        await using var user = await engine.ConnectAsync();
        for (var i = 0; i < 5; i++)
        {
            await worker.SendAsync($$"""{"type":"registertriggertype","id":"t{{i}}"}""");
        }

        await worker.BarrierAsync();
        await user.SendAsync("""{"type":"registertrigger","id":"T4","trigger_type":"t4","function_id":"f","config":{}}""");
        await user.SendAsync("""{"type":"registertrigger","id":"T2","trigger_type":"t2","function_id":"f","config":{}}""");
        Assert.Equal("T2", (await worker.NextAsync("registertrigger")).GetProperty("id").GetString());
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    public async Task A_registration_that_carries_too_much_is_refused()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var large = "\"" + new string('x', 1024 * 1024) + "\"";
        await worker.SendAsync($$"""{"type":"registerfunction","id":"f","metadata":{{large}} }""");
        await worker.SendAsync($$"""{"type":"registertrigger","id":"T","trigger_type":"x","function_id":"f","config":{{large}} }""");
        Assert.Equal("trigger_registration_failed", (await worker.NextAsync("triggerregistrationresult")).GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(0, (await worker.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions").GetArrayLength());
        Assert.Equal(0, (await worker.CallAsync("engine::triggers::list")).GetProperty("result").GetProperty("triggers").GetArrayLength());
    }

    [Fact]
    public async Task A_worker_gets_no_more_calls_than_it_may_have_under_way()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { MaxInvocations = 2 });
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var ids = Enumerable.Range(0, 3).Select(static _ => Guid.NewGuid().ToString()).ToArray();
        foreach (var id in ids)
        {
            await worker.SendCallAsync(id, "f");
        }

        var first = await worker.NextCallAsync("f");
        await worker.NextCallAsync("f");
        Assert.Equal("worker_overloaded", (await worker.ResultAsync(ids[2])).GetProperty("error").GetProperty("code").GetString());
        await worker.AnswerAsync(first);
        await worker.ResultAsync(ids[0]);
        await worker.SendCallAsync(ids[2], "f");
        await worker.NextCallAsync("f");
    }

    [Fact]
    public async Task While_the_engine_drains_only_workers_that_work_on_something_may_call()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var idle = await engine.ConnectAsync();
        await using var busy = await engine.ConnectAsync();
        await busy.RegisterAsync("f");
        await busy.RegisterAsync("nested");
        await busy.BarrierAsync();
        var id = Guid.NewGuid().ToString();
        await idle.SendCallAsync(id, "f");
        var call = await busy.NextCallAsync("f");
        var stopping = engine.StopAsync();
        await Eventually.TrueAsync(async () =>
        {
            var refused = Guid.NewGuid().ToString();
            await idle.SendCallAsync(refused, "no::such");
            return (await idle.ResultAsync(refused)).GetProperty("error").GetProperty("code").GetString() == "shutting_down";
        });
        var nested = Guid.NewGuid().ToString();
        await busy.SendCallAsync(nested, "nested");
        await busy.AnswerAsync(await busy.NextCallAsync("nested"));
        await busy.ResultAsync(nested);
        await busy.AnswerAsync(call);
        Assert.True((await idle.ResultAsync(id)).TryGetProperty("result", out _));
        await stopping;
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
