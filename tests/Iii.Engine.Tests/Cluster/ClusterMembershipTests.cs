using System.Text.Json;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Cluster;

public sealed class ClusterMembershipTests
{
    [Fact]
    public async Task Newcomer_knows_everything_when_it_is_ready()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var one = await cluster[0].ConnectAsync();
        await using var two = await cluster[1].ConnectAsync();
        await cluster.RegisterAsync(one, "one");
        await cluster.RegisterAsync(two, "two");
        var newcomer = await cluster.AddAsync();
        await using var observer = await newcomer.ConnectAsync();
        Assert.Equal(1, await TestCluster.ProvidersAsync(observer, "one"));
        Assert.Equal(1, await TestCluster.ProvidersAsync(observer, "two"));
    }

    [Fact]
    public async Task Worker_that_leaves_is_gone_everywhere()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var worker = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(worker, "f");
        await worker.DisposeAsync();
        await cluster.WaitForProvidersAsync(1, "f", 0);
    }

    [Fact]
    public async Task Instance_that_is_cut_off_is_noticed_at_once_and_calls_there_end_with_an_error()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        await using var provider = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(provider, "f");
        await using var caller = await cluster[1].ConnectAsync();
        var call = caller.CallAsync("f");
        await provider.NextCallAsync("f");
        cluster.Bus(0).Cut();
        Assert.Equal("invocation_stopped", (await call).GetProperty("error").GetProperty("code").GetString());
        await cluster.WaitForProvidersAsync(1, "f", 0);
        await cluster.WaitForProvidersAsync(2, "f", 0);
        Assert.Equal("function_not_found", (await caller.CallAsync("f")).GetProperty("error").GetProperty("code").GetString());

        cluster.Bus(0).Restore();
        await cluster.WaitForProvidersAsync(1, "f", 1);
        await cluster.WaitForProvidersAsync(2, "f", 1);
    }

    [Fact]
    public async Task Instance_without_the_bus_works_on_for_itself_and_says_why_the_rest_fails()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var here = await cluster[0].ConnectAsync();
        await using var there = await cluster[1].ConnectAsync();
        await cluster.RegisterAsync(here, "here");
        await cluster.RegisterAsync(there, "there");
        cluster.Bus(0).Cut();
        await using var caller = await cluster[0].ConnectAsync();
        Assert.Equal("broker_unavailable", (await caller.CallAsync("there")).GetProperty("error").GetProperty("code").GetString());
        var local = caller.CallAsync("here");
        await here.AnswerAsync(await here.NextCallAsync("here"));
        Assert.True((await local).TryGetProperty("result", out _));

        cluster.Bus(0).Restore();
        await Eventually.TrueAsync(async () =>
        {
            var id = Guid.NewGuid().ToString();
            await caller.SendCallAsync(id, "there");
            var answer = there.NextCallAsync("there");
            var failed = caller.ResultAsync(id);
            if (await Task.WhenAny(answer, failed) == failed)
            {
                return (await failed).TryGetProperty("result", out _);
            }

            await there.AnswerAsync(await answer);
            return (await failed).TryGetProperty("result", out _);
        });
    }

    [Fact]
    public async Task Instance_that_stops_is_given_nothing_more_and_finishes_what_it_has()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var provider = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(provider, "f");
        await using var caller = await cluster[1].ConnectAsync();
        var call = caller.CallAsync("f");
        var held = await provider.NextCallAsync("f");
        var stopping = cluster[0].StopAsync();
        await cluster.WaitForProvidersAsync(1, "f", 0);
        await provider.AnswerAsync(held);
        Assert.True((await call).TryGetProperty("result", out _));
        await stopping;
    }

    [Fact]
    public async Task Lists_are_of_the_whole_cluster_and_say_where_a_worker_is()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var worker = await cluster[0].ConnectAsync();
        await worker.CallAsync("engine::workers::register", """{"name":"billing","runtime":"node","version":"0.11.6","pid":7}""");
        await cluster.RegisterAsync(worker, "f");
        await using var observer = await cluster[1].ConnectAsync();
        await observer.CallAsync("engine::workers::register", """{"name":"observer"}""");
        JsonElement row = default;
        await Eventually.TrueAsync(async () =>
        {
            var rows = (await observer.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers");
            row = rows.EnumerateArray().FirstOrDefault(row => row.GetProperty("name").GetString() == "billing");
            return row.ValueKind == JsonValueKind.Object && row.GetProperty("function_count").GetInt32() == 1;
        });
        Assert.Equal((worker.WorkerId, "node", "0.11.6", 7), (
            row.GetProperty("id").GetString(), row.GetProperty("runtime").GetString(), row.GetProperty("version").GetString(), row.GetProperty("pid").GetInt32()));
        Assert.Equal("""["f"]""", row.GetProperty("functions").GetRawText());
        var own = (await observer.CallAsync("engine::workers::info", $$"""{"worker_id":"{{observer.WorkerId}}"}""")).GetProperty("result");
        Assert.NotEqual(own.GetProperty("instance").GetString(), row.GetProperty("instance").GetString());
        Assert.Equal("billing", (await observer.CallAsync("engine::functions::info", """{"function_id":"f"}""")).GetProperty("result").GetProperty("worker_name").GetString());
    }

    [Fact]
    public async Task Events_come_once_wherever_the_change_was()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        await using var watcher = await cluster[2].ConnectAsync();
        await cluster.RegisterAsync(watcher, "on_functions");
        await cluster.RegisterAsync(watcher, "on_workers");
        await watcher.SendAsync("""{"type":"registertrigger","id":"1","trigger_type":"engine::functions-available","function_id":"on_functions","config":{}}""");
        await watcher.SendAsync("""{"type":"registertrigger","id":"2","trigger_type":"engine::workers-available","function_id":"on_workers","config":{}}""");
        for (var i = 0; i < 3; i++)
        {
            await using var observer = await cluster[i].ConnectAsync();
            await Eventually.TrueAsync(async () => (await observer.CallAsync("engine::registered-triggers::list"))
                .GetProperty("result").GetProperty("registered_triggers").GetArrayLength() == 2);
        }

        await watcher.BarrierAsync();
        for (var i = 0; i < 3; i++)
        {
            var worker = await cluster[i].ConnectAsync();
            await cluster.RegisterAsync(worker, $"new_{i}");
            var joined = await NextEventAsync(watcher, worker.WorkerId);
            Assert.Equal("worker_connected", joined);
            await watcher.NextAsync(message => IsChange(message) && Names(message, $"new_{i}"));
            await worker.DisposeAsync();
            Assert.Equal("worker_disconnected", await NextEventAsync(watcher, worker.WorkerId));
            await watcher.NextAsync(message => IsChange(message) && !Names(message, $"new_{i}"));
            for (var other = 0; other < 3; other++)
            {
                await cluster.WaitForProvidersAsync(other, $"new_{i}", 0);
            }

            // Other events may have come between, of the observers above, but none for a second time.
            var more = await watcher.BarrierAsync();
            Assert.DoesNotContain(more, message => IsChange(message) && Names(message, $"new_{i}"));
            Assert.DoesNotContain(more, message => message.GetProperty("type").GetString() == "invokefunction"
                && message.GetProperty("function_id").GetString() == "on_workers"
                && message.GetProperty("data").GetProperty("worker_id").GetString() == worker.WorkerId);
        }
    }

    [Fact]
    public async Task Worker_that_reattaches_at_another_instance_leaves_nothing_behind()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var before = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(before, "f");
        await using var wrong = await cluster[1].ConnectAsync();
        await wrong.SendAsync($$"""{"type":"reattach","previous_worker_id":"{{before.WorkerId}}","reattach_token":"wrong"}""");
        await wrong.BarrierAsync();
        await using var after = await cluster[1].ConnectAsync();
        await after.SendAsync($$"""{"type":"reattach","previous_worker_id":"{{before.WorkerId}}","reattach_token":"{{before.ReattachToken}}"}""");
        await after.RegisterAsync("f");
        await before.EndAsync();
        await cluster.WaitForProvidersAsync(0, "f", 1);
        await cluster.WaitForProvidersAsync(1, "f", 1);
    }

    private static async Task<string?> NextEventAsync(TestWorker watcher, string workerId)
    {
        var call = await watcher.NextAsync(message => message.GetProperty("type").GetString() == "invokefunction"
            && message.GetProperty("function_id").GetString() == "on_workers"
            && message.GetProperty("data").GetProperty("worker_id").GetString() == workerId);
        return call.GetProperty("data").GetProperty("event").GetString();
    }

    private static bool IsChange(JsonElement message) =>
        message.GetProperty("type").GetString() == "invokefunction" && message.GetProperty("function_id").GetString() == "on_functions";

    private static bool Names(JsonElement change, string functionId) => change.GetProperty("data").GetProperty("functions").EnumerateArray()
        .Any(row => row.GetProperty("function_id").GetString() == functionId);
}
