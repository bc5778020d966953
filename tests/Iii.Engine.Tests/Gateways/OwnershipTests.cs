using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Gateways;

/// <summary>Who owns what, and what goes with whom: several workers, reconnects, and triggers of every kind (protocol §11, 23 to 31).</summary>
public sealed class OwnershipTests : IAsyncLifetime
{
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact] // 23
    public async Task Registering_twice_on_one_socket_is_one_registration()
    {
        await using var worker = await _engine.ConnectAsync();
        for (var i = 0; i < 2; i++)
        {
            await worker.RegisterAsync("f");
            await worker.SendAsync("""{"type":"registertriggertype","id":"mailbox","description":"d"}""");
            await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"f","config":{}}""");
        }

        Assert.Equal(1, await CountAsync(worker, "functions", "f"));
        Assert.Equal(1, await CountAsync(worker, "triggers", "f"));
        await using var other = await _engine.ConnectAsync();
        await other.BarrierAsync();
        await worker.NextCallAsync("f");
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact] // 24
    public async Task Late_cleanup_of_an_old_connection_leaves_what_the_new_one_registered()
    {
        await using var watcher = await _engine.ConnectAsync();
        var old = await _engine.ConnectAsync();
        await using var renewed = await _engine.ConnectAsync();
        foreach (var connection in new[] { old, renewed })
        {
            await connection.RegisterAsync("f");
            await connection.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"f","config":{}}""");
            await connection.BarrierAsync();
        }

        await old.CloseAsync();
        Assert.Equal(1, await CountAsync(watcher, "functions", "f"));
        Assert.Equal(1, await CountAsync(watcher, "triggers", "f"));
        await renewed.NextAsync(message => IsEvent(message, "worker_disconnected", old.WorkerId));
        await old.DisposeAsync();
    }

    [Fact] // 25
    public async Task Function_with_two_providers_survives_the_loss_of_either()
    {
        await using var caller = await _engine.ConnectAsync();
        var first = await _engine.ConnectAsync();
        await using var second = await _engine.ConnectAsync();
        await first.RegisterAsync("f");
        await first.BarrierAsync();
        await second.RegisterAsync("f");
        await second.BarrierAsync();
        await first.CloseAsync();
        await first.DisposeAsync();
        var id = Guid.NewGuid().ToString();
        await caller.SendCallAsync(id, "f");
        await second.AnswerAsync(await second.NextCallAsync("f"));
        Assert.True((await caller.ResultAsync(id)).TryGetProperty("result", out _));
    }

    [Fact]
    public async Task Calls_are_spread_over_the_providers()
    {
        await using var caller = await _engine.ConnectAsync();
        await using var first = await _engine.ConnectAsync();
        await using var second = await _engine.ConnectAsync();
        foreach (var worker in new[] { first, second })
        {
            await worker.RegisterAsync("f");
            await worker.BarrierAsync();
        }

        // Nobody answers, so the number under way on either side is what the balancer evens out.
        for (var i = 0; i < 100; i++)
        {
            await caller.SendCallAsync(Guid.NewGuid(), "f");
        }

        await caller.BarrierAsync();
        var calls = await Task.WhenAll(first.BarrierAsync(), second.BarrierAsync());
        Assert.Equal(100, calls.Sum(static received => received.Count));
        Assert.All(calls, static received => Assert.InRange(received.Count, 49, 51));
    }

    [Fact] // 26
    public async Task A_function_is_gone_for_the_very_next_call_after_it_was_unregistered()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.SendAsync("""{"type":"unregisterfunction","id":"f"}""");
        Assert.Equal("function_not_found", ErrorCode(await worker.CallAsync("f")));
    }

    [Fact]
    public async Task Only_the_owner_can_unregister_a_function_or_a_trigger()
    {
        await using var owner = await _engine.ConnectAsync();
        await using var stranger = await _engine.ConnectAsync();
        await owner.RegisterAsync("f");
        await owner.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"f","config":{}}""");
        await owner.BarrierAsync();
        await stranger.SendAsync("""{"type":"unregisterfunction","id":"f"}""");
        await stranger.SendAsync("""{"type":"unregistertrigger","id":"T","trigger_type":"engine::workers-available"}""");
        Assert.Equal(1, await CountAsync(stranger, "functions", "f"));
        Assert.Equal(1, await CountAsync(stranger, "triggers", "f"));
        await owner.SendAsync("""{"type":"unregistertrigger","id":"T"}""");
        await owner.SendAsync("""{"type":"unregistertrigger","id":"never seen"}""");
        Assert.Equal(0, await CountAsync(owner, "triggers", "f"));
    }

    [Fact]
    public async Task The_engines_own_functions_and_trigger_types_cannot_be_taken_over()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("engine::workers::list");
        await worker.SendAsync("""{"type":"unregisterfunction","id":"engine::functions::list"}""");
        await worker.SendAsync("""{"type":"registertriggertype","id":"engine::workers-available","description":"mine"}""");
        Assert.True((await worker.CallAsync("engine::workers::list")).TryGetProperty("result", out _));
        Assert.True((await worker.CallAsync("engine::functions::list")).TryGetProperty("result", out _));
    }

    [Fact] // 27
    public async Task A_trigger_may_come_before_its_function()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"f","config":{}}""");
        await worker.BarrierAsync();
        await using var first = await _engine.ConnectAsync();
        await first.BarrierAsync();
        await worker.RegisterAsync("f");
        Assert.Empty(await worker.BarrierAsync());
        await using var second = await _engine.ConnectAsync();
        await second.BarrierAsync();
        await worker.NextAsync(message => IsEvent(message, "worker_connected", second.WorkerId));
    }

    [Fact] // 28, 29, 30
    public async Task A_trigger_waits_for_its_type_and_is_replayed_to_every_provider_that_comes()
    {
        const string Expected = """{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"support::triage","config":{"folder":"inbox"}}""";
        await using var user = await _engine.ConnectAsync();
        await user.SendAsync(Expected);
        await user.BarrierAsync();
        for (var i = 0; i < 2; i++)
        {
            var owner = await _engine.ConnectAsync();
            await owner.SendAsync("""{"type":"registertriggertype","id":"mailbox","description":"Incoming mail"}""");
            await owner.NextAsync("registertrigger");
            Assert.Equal(Expected, owner.LastText);
            await owner.CloseAsync();
            await owner.DisposeAsync();
        }
    }

    [Theory] // 29
    [InlineData(true)]
    [InlineData(false)]
    public async Task Provider_of_a_type_is_told_of_triggers_that_end(bool byMessage)
    {
        await using var owner = await _engine.ConnectAsync();
        await owner.SendAsync("""{"type":"registertriggertype","id":"mailbox"}""");
        await owner.BarrierAsync();
        var user = await _engine.ConnectAsync();
        await user.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"f","config":null}""");
        await owner.NextAsync("registertrigger");
        if (byMessage)
        {
            await user.SendAsync("""{"type":"unregistertrigger","id":"T"}""");
        }
        else
        {
            user.Abort();
        }

        var end = await owner.NextAsync("unregistertrigger");
        Assert.Equal("T", end.GetProperty("id").GetString());
        Assert.Equal("mailbox", end.GetProperty("trigger_type").GetString());
        Assert.Equal("f", end.GetProperty("function_id").GetString());
        await user.DisposeAsync();
    }

    [Fact]
    public async Task Replicas_that_register_the_same_trigger_own_one_together()
    {
        await using var owner = await _engine.ConnectAsync();
        await owner.SendAsync("""{"type":"registertriggertype","id":"mailbox"}""");
        await owner.BarrierAsync();
        var first = await _engine.ConnectAsync();
        await first.SendAsync("""{"type":"registertrigger","id":"T1","trigger_type":"mailbox","function_id":"f","config":{"a":1,"b":[2]}}""");
        await first.BarrierAsync();
        await using var second = await _engine.ConnectAsync();
        await second.SendAsync("""{"type":"registertrigger","id":"T2","trigger_type":"mailbox","function_id":"f","config":{ "b": [ 2 ], "a": 1 }}""");
        await second.BarrierAsync();
        await owner.NextAsync("registertrigger");
        Assert.Empty(await owner.BarrierAsync());
        await first.CloseAsync();
        await first.DisposeAsync();
        Assert.Empty(await owner.BarrierAsync());
        await second.SendAsync("""{"type":"unregistertrigger","id":"T2"}""");
        Assert.Equal("T1", (await owner.NextAsync("unregistertrigger")).GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_trigger_id_with_another_config_replaces_what_it_stood_for()
    {
        await using var owner = await _engine.ConnectAsync();
        await owner.SendAsync("""{"type":"registertriggertype","id":"mailbox"}""");
        await owner.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"f","config":1}""");
        await owner.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"f","config":2}""");
        Assert.Equal(1, (await owner.NextAsync("registertrigger")).GetProperty("config").GetInt32());
        Assert.Equal(2, (await owner.NextAsync("registertrigger")).GetProperty("config").GetInt32());
        await owner.NextAsync("unregistertrigger");
        Assert.Equal(1, await CountAsync(owner, "triggers", "f"));
    }

    [Fact]
    public async Task Two_triggers_never_share_an_id_towards_their_provider()
    {
        await using var owner = await _engine.ConnectAsync();
        await owner.SendAsync("""{"type":"registertriggertype","id":"mailbox"}""");
        await owner.BarrierAsync();
        await using var first = await _engine.ConnectAsync();
        await using var second = await _engine.ConnectAsync();
        await first.SendAsync("""{"type":"registertrigger","id":"X","trigger_type":"mailbox","function_id":"f","config":1}""");
        await first.BarrierAsync();
        await second.SendAsync("""{"type":"registertrigger","id":"Y","trigger_type":"mailbox","function_id":"f","config":1}""");
        await second.BarrierAsync();
        await first.SendAsync("""{"type":"registertrigger","id":"X","trigger_type":"mailbox","function_id":"f","config":2}""");
        var one = (await owner.NextAsync("registertrigger")).GetProperty("id").GetString();
        var two = (await owner.NextAsync("registertrigger")).GetProperty("id").GetString();
        Assert.Equal("X", one);
        Assert.NotEqual(one, two);
        await second.SendAsync("""{"type":"unregistertrigger","id":"Y"}""");
        Assert.Equal(one, (await owner.NextAsync("unregistertrigger")).GetProperty("id").GetString());
        await first.SendAsync("""{"type":"unregistertrigger","id":"X"}""");
        Assert.Equal(two, (await owner.NextAsync("unregistertrigger")).GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_refused_trigger_is_reported_to_its_registrant_and_not_listed()
    {
        await using var owner = await _engine.ConnectAsync();
        await owner.SendAsync("""{"type":"registertriggertype","id":"mailbox"}""");
        await owner.BarrierAsync();
        await using var user = await _engine.ConnectAsync();
        await user.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"f","config":{}}""");
        await owner.NextAsync("registertrigger");
        await user.SendAsync("""{"type":"triggerregistrationresult","id":"T","trigger_type":"mailbox","function_id":"f","error":{"code":"forged","message":"not the provider"}}""");
        Assert.Empty(await user.BarrierAsync());
        await owner.SendAsync("""{"type":"triggerregistrationresult","id":"T","trigger_type":"mailbox","function_id":"f","error":{"code":"trigger_registration_failed","message":"no such folder"}}""");
        var report = await user.NextAsync("triggerregistrationresult");
        Assert.Equal("no such folder", report.GetProperty("error").GetProperty("message").GetString());
        Assert.Equal(0, await CountAsync(user, "triggers", "f"));
    }

    [Fact]
    public async Task Unregistering_a_type_parks_its_triggers_or_hands_them_to_the_provider_that_is_left()
    {
        await using var first = await _engine.ConnectAsync();
        await using var second = await _engine.ConnectAsync();
        await first.SendAsync("""{"type":"registertriggertype","id":"mailbox"}""");
        await first.BarrierAsync();
        await second.SendAsync("""{"type":"registertriggertype","id":"mailbox"}""");
        await second.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"f","config":{}}""");
        await second.NextAsync("registertrigger");
        await second.SendAsync("""{"type":"unregistertriggertype","id":"mailbox","description":"surplus"}""");
        await first.NextAsync("registertrigger");
        await first.SendAsync("""{"type":"unregistertriggertype","id":"mailbox"}""");
        var rows = (await first.CallAsync("engine::triggers::list")).GetProperty("result").GetProperty("triggers");
        Assert.Equal("pending", Assert.Single(rows.EnumerateArray()).GetProperty("status").GetString());
    }

    [Theory] // 31, §4.4
    [InlineData("\"result\":false", false)]
    [InlineData("\"error\":{\"code\":\"c\",\"message\":\"m\"}", false)]
    [InlineData("\"result\":true", true)]
    [InlineData("\"result\":0", true)]
    [InlineData("\"result\":\"\"", true)]
    [InlineData("\"result\":null", true)]
    [InlineData("\"x\":1", true)]
    public async Task Only_false_or_a_failure_of_the_condition_skips_the_function(string answer, bool runs)
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.RegisterAsync("condition");
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"f","config":{"_condition_path":"never","condition_function_id":"condition"}}""");
        await worker.BarrierAsync();
        await using var other = await _engine.ConnectAsync();
        await other.BarrierAsync();
        var asked = await worker.NextCallAsync("condition");
        Assert.Equal("worker_connected", asked.GetProperty("data").GetProperty("event").GetString());
        await worker.AnswerAsync(asked, answer);
        if (runs)
        {
            await worker.NextAsync(message => IsEvent(message, "worker_connected", other.WorkerId));
        }
        else
        {
            // The next event asks the condition again; had the function run, its call would have come before.
            await using var third = await _engine.ConnectAsync();
            await third.BarrierAsync();
            await worker.NextCallAsync("condition");
            Assert.Empty(await worker.BarrierAsync());
        }
    }

    [Fact] // sdk-versions §5.1
    public async Task Reattaching_retires_the_old_connection_before_the_replay()
    {
        await using var watcher = await _engine.ConnectAsync();
        await using var old = await _engine.ConnectAsync();
        await old.RegisterAsync("f");
        await old.RegisterAsync("only.old");
        await old.BarrierAsync();
        var pending = Guid.NewGuid().ToString();
        await watcher.SendCallAsync(pending, "f");
        await old.NextCallAsync("f");

        await using var renewed = await _engine.ConnectAsync();
        await renewed.SendAsync($$"""{"type":"reattach","previous_worker_id":"{{old.WorkerId}}","reattach_token":"wrong"}""");
        await renewed.BarrierAsync();
        Assert.Equal(1, await CountAsync(watcher, "functions", "only.old"));

        await renewed.SendAsync($$"""{"type":"reattach","previous_worker_id":"{{old.WorkerId}}","reattach_token":"{{old.ReattachToken}}"}""");
        await renewed.RegisterAsync("f");
        await renewed.BarrierAsync();
        Assert.Equal("invocation_stopped", ErrorCode(await watcher.ResultAsync(pending)));
        Assert.Equal(0, await CountAsync(watcher, "functions", "only.old"));
        Assert.Equal(1, await CountAsync(watcher, "functions", "f"));
        await old.EndAsync();
    }

    private static bool IsEvent(System.Text.Json.JsonElement message, string name, string workerId) =>
        message.GetProperty("type").GetString() == "invokefunction"
        && message.GetProperty("data").GetProperty("event").GetString() == name
        && message.GetProperty("data").GetProperty("worker_id").GetString() == workerId;

    private static string? ErrorCode(System.Text.Json.JsonElement result) => result.GetProperty("error").GetProperty("code").GetString();

    private static async Task<int> CountAsync(TestWorker worker, string list, string functionId)
    {
        var result = (await worker.CallAsync($"engine::{list}::list")).GetProperty("result");
        return result.GetProperty(list).EnumerateArray().Count(row => row.GetProperty("function_id").GetString() == functionId);
    }
}
