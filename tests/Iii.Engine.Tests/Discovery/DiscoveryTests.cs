using System.Text.Json;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Discovery;

/// <summary>The lists, as far as they show all that there is; the rest runs against a process.</summary>
public sealed class DiscoveryTests : IAsyncLifetime
{
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

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

    private static async Task<JsonElement[]> ListAsync(TestWorker worker, string list, string input = "{}", string? key = null) =>
        [.. (await worker.CallAsync($"engine::{list}::list", input)).GetProperty("result").GetProperty(key ?? list).EnumerateArray()];
}
