using System.Text.Json;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Discovery;

/// <summary>The lists and the discovery events (protocol §5 and §11, 33 to 39).</summary>
public sealed class DiscoveryTests : IAsyncLifetime
{
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact] // 33
    public async Task Functions_of_the_engine_are_hidden_unless_asked_for_and_every_row_has_all_members()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("engine.on_log.1");
        await worker.SendAsync("""{"type":"registerfunction","id":"orders::price","description":"Price","request_format":{"name":"x","type":"object"},"metadata":{"team":"shop"}}""");
        var shown = await ListAsync(worker, "functions");
        Assert.Equal(["engine.on_log.1", "orders::price"], shown.Select(static row => row.GetProperty("function_id").GetString()).Order());
        Assert.All(shown, static row => Assert.All(
            ["function_id", "description", "request_format", "response_format", "metadata"], name => Assert.True(row.TryGetProperty(name, out _))));
        var price = shown.Single(static row => row.GetProperty("function_id").GetString() == "orders::price");
        Assert.Equal("""{"name":"x","type":"object"}""", price.GetProperty("request_format").GetRawText());
        Assert.Equal("""{"team":"shop"}""", price.GetProperty("metadata").GetRawText());
        Assert.Equal(JsonValueKind.Null, price.GetProperty("response_format").ValueKind);
        var all = await ListAsync(worker, "functions", """{"include_internal":true}""");
        Assert.Contains(all, static row => row.GetProperty("function_id").GetString() == "engine::functions::list");
    }

    [Theory] // §5
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("[]")]
    public async Task Built_in_functions_want_an_object(string input)
    {
        await using var worker = await _engine.ConnectAsync();
        var error = (await worker.CallAsync("engine::functions::list", input)).GetProperty("error");
        Assert.Equal("deserialization_error", error.GetProperty("code").GetString());
        Assert.StartsWith(
            "Failed to deserialize input for engine::functions::list: ", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact] // 34
    public async Task Triggers_are_hidden_by_the_prefix_of_their_function()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"registertrigger","id":"T1","trigger_type":"engine::workers-available","function_id":"f","config":{}}""");
        await worker.SendAsync("""{"type":"registertrigger","id":"T2","trigger_type":"engine::workers-available","function_id":"engine::f","config":{"x":1.50}}""");
        Assert.Equal("T1", Assert.Single(await ListAsync(worker, "triggers")).GetProperty("id").GetString());
        var all = await ListAsync(worker, "triggers", """{"include_internal":true}""");
        Assert.Equal("""{"x":1.50}""", all.Single(static row => row.GetProperty("id").GetString() == "T2").GetProperty("config").GetRawText());
    }

    [Fact] // 35
    public async Task Worker_rows_have_all_members()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var row = Assert.Single(await ListAsync(worker, "workers"));
        Assert.All(
            ["id", "name", "runtime", "version", "os", "ip_address", "status", "connected_at_ms", "function_count", "functions", "active_invocations", "latest_metrics"],
            name => Assert.True(row.TryGetProperty(name, out _), name));
        Assert.Equal("connected", row.GetProperty("status").GetString());
        Assert.True(row.GetProperty("connected_at_ms").TryGetInt64(out _));
        Assert.Equal(1, row.GetProperty("function_count").GetInt32());
        Assert.Equal("f", row.GetProperty("functions")[0].GetString());
        Assert.Equal("127.0.0.1", row.GetProperty("ip_address").GetString());
        Assert.Empty(await ListAsync(worker, "workers", """{"worker_id":"nobody"}"""));
    }

    [Fact]
    public async Task A_worker_that_lists_the_workers_sees_its_own_call_under_way()
    {
        await using var worker = await _engine.ConnectAsync();
        Assert.Equal(1, Assert.Single(await ListAsync(worker, "workers")).GetProperty("active_invocations").GetInt32());
        await worker.RegisterAsync("f");
        await worker.SendCallAsync(Guid.NewGuid(), "f");
        await worker.NextCallAsync("f");
        Assert.Equal(3, Assert.Single(await ListAsync(worker, "workers")).GetProperty("active_invocations").GetInt32());
    }

    [Fact] // 36
    public async Task A_worker_may_add_functions_under_the_engines_prefix()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("engine::console::status");
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, "engine::console::status");
        await worker.AnswerAsync(await worker.NextCallAsync("engine::console::status"));
        Assert.True((await worker.ResultAsync(id)).TryGetProperty("result", out _));
    }

    [Fact] // 37
    public async Task A_worker_says_who_it_is_without_an_answer_and_watchers_are_told()
    {
        await using var watcher = await _engine.ConnectAsync();
        await watcher.RegisterAsync("on.worker");
        await watcher.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"on.worker","config":{}}""");
        await watcher.BarrierAsync();

        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"invokefunction","function_id":"engine::workers::register","data":{"runtime":"node","version":"0.11.6","name":"web-1:4410","os":"linux","pid":41,"isolation":null,"telemetry":{"language":"en"},"unknown":[1]},"action":{"type":"void"}}""");
        Assert.Empty(await worker.BarrierAsync());
        foreach (var expected in new[] { "worker_connected", "worker_metadata_updated" })
        {
            var call = await watcher.NextCallAsync("on.worker");
            Assert.Equal(expected, call.GetProperty("data").GetProperty("event").GetString());
            Assert.Equal(worker.WorkerId, call.GetProperty("data").GetProperty("worker_id").GetString());
        }

        var row = Assert.Single(await ListAsync(worker, "workers", $$"""{"worker_id":"{{worker.WorkerId}}"}"""));
        Assert.Equal("web-1:4410", row.GetProperty("name").GetString());
        Assert.Equal("node", row.GetProperty("runtime").GetString());
        Assert.Equal(41, row.GetProperty("pid").GetInt64());
        await worker.CloseAsync();
        Assert.Equal("worker_disconnected", (await watcher.NextCallAsync("on.worker")).GetProperty("data").GetProperty("event").GetString());
    }

    [Fact] // 39
    public async Task Watchers_of_functions_get_the_full_list_after_a_change_and_nothing_without_one()
    {
        await using var watcher = await _engine.ConnectAsync();
        await watcher.RegisterAsync("on.functions");
        await watcher.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::functions-available","function_id":"on.functions","config":{}}""");
        Assert.Contains("on.functions", Ids(await watcher.NextCallAsync("on.functions")));

        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.RegisterAsync("g");
        var ids = Ids(await watcher.NextCallAsync("on.functions"));
        Assert.Superset(new HashSet<string?> { "f", "g", "on.functions", "engine::functions::list" }, ids);
        await worker.CloseAsync();
        Assert.DoesNotContain("f", Ids(await watcher.NextCallAsync("on.functions")));
    }

    [Fact] // sdk-versions §5.10
    public async Task Trigger_types_are_listed_with_what_their_provider_says()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"registertriggertype","id":"mailbox","description":"Incoming mail","trigger_request_format":{"type":"object"},"call_request_format":null}""");
        var shown = await ListAsync(worker, "trigger-types", key: "trigger_types");
        Assert.Equal(["http", "mailbox"], shown.Select(static row => row.GetProperty("id").GetString()).Order());
        var mailbox = shown.Single(static row => row.GetProperty("id").GetString() == "mailbox");
        Assert.Equal("Incoming mail", mailbox.GetProperty("description").GetString());
        Assert.Equal("""{"type":"object"}""", mailbox.GetProperty("trigger_request_format").GetRawText());
        Assert.Equal(JsonValueKind.Null, mailbox.GetProperty("call_request_format").ValueKind);
        Assert.Equal(worker.WorkerId, mailbox.GetProperty("worker_id").GetString());
        var all = await ListAsync(worker, "trigger-types", """{"include_internal":true}""", "trigger_types");
        Assert.Contains(all, static row => row.GetProperty("id").GetString() == "engine::workers-available");
    }

    [Theory] // sdk-versions §8, C1
    [InlineData(null, "T")]
    [InlineData("0.9.0", "T")]
    [InlineData("0.11.6", "T")]
    [InlineData("0.22.1", "http")]
    [InlineData("0.13.0-beta.1", "http")]
    [InlineData("not a version", "T")]
    public async Task The_list_of_triggers_means_what_the_callers_version_takes_it_for(string? version, string expected)
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"f","config":{}}""");
        if (version is not null)
        {
            await worker.CallAsync("engine::workers::register", $$"""{"version":"{{version}}"}""");
        }

        Assert.Equal(expected, Assert.Single(await ListAsync(worker, "triggers")).GetProperty("id").GetString());
        var instance = Assert.Single(await ListAsync(worker, "registered-triggers", key: "registered_triggers"));
        Assert.Equal("T", instance.GetProperty("id").GetString());
    }

    [Fact]
    public async Task Single_rows_are_shown_by_id()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"engine::workers-available","function_id":"f","config":{"a":1}}""");
        await worker.CallAsync("engine::workers::register", """{"name":"me"}""");
        Assert.Equal("f", (await InfoAsync("functions", "function_id", "f")).GetProperty("function_id").GetString());
        Assert.Equal("me", (await InfoAsync("functions", "function_id", "f")).GetProperty("worker_name").GetString());
        Assert.Equal("http", (await InfoAsync("triggers", "id", "http")).GetProperty("id").GetString());
        Assert.Equal("me", (await InfoAsync("registered-triggers", "id", "T")).GetProperty("worker_name").GetString());
        Assert.Equal("me", (await InfoAsync("workers", "worker_id", worker.WorkerId)).GetProperty("name").GetString());
        foreach (var (list, member) in new[] { ("functions", "function_id"), ("triggers", "id"), ("registered-triggers", "id"), ("workers", "worker_id") })
        {
            var error = (await worker.CallAsync($"engine::{list}::info", $$"""{"{{member}}":"nobody"}""")).GetProperty("error");
            Assert.Equal("not_found", error.GetProperty("code").GetString());
            error = (await worker.CallAsync($"engine::{list}::info")).GetProperty("error");
            Assert.Equal("deserialization_error", error.GetProperty("code").GetString());
        }

        async Task<JsonElement> InfoAsync(string list, string member, string id) =>
            (await worker.CallAsync($"engine::{list}::info", $$"""{"{{member}}":"{{id}}"}""")).GetProperty("result");
    }

    private static HashSet<string?> Ids(JsonElement call)
    {
        Assert.Equal("functions_changed", call.GetProperty("data").GetProperty("event").GetString());
        return [.. call.GetProperty("data").GetProperty("functions").EnumerateArray().Select(static row => row.GetProperty("function_id").GetString())];
    }

    private static async Task<JsonElement[]> ListAsync(TestWorker worker, string list, string input = "{}", string? key = null) =>
        [.. (await worker.CallAsync($"engine::{list}::list", input)).GetProperty("result").GetProperty(key ?? list).EnumerateArray()];
}
