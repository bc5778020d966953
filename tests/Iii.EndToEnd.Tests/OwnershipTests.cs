using System.Net;
using System.Text.Json;
using Iii.EndToEnd.Tests.Processes;
using Iii.EndToEnd.Tests.Workers;

namespace Iii.EndToEnd.Tests;

/// <summary>What a connection registered belongs to it: the end of an old one takes nothing from a newer one.</summary>
public class OwnershipTests
{
    private const string Function = """{"type":"registerfunction","id":"owned::f"}""";

    // The trigger id is the same as well, as after a reconnect of one process.
    private const string Trigger =
        """
        {"type":"registertrigger","id":"owned-trigger","trigger_type":"http","function_id":"owned::f","config":{"api_path":"owned","http_method":"GET"}}
        """;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Function_of_a_newer_connection_outlives_the_old_one(bool politely)
    {
        await using var engine = await EngineProcess.StartAsync();
        await using var caller = await RawWorker.ConnectAsync(engine, "caller");
        await using var newer = await ReplaceAsync(engine, caller, politely);

        var answer = await caller.CallAsync("owned::f");

        Assert.Equal("newer", ServedBy(answer.GetProperty("result")));
        Assert.Single(await RowsAsync(caller, "engine::functions::list", "functions"));
        Assert.Single(await RowsAsync(caller, "engine::triggers::list", "triggers"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Route_of_a_newer_connection_outlives_the_old_one(bool politely)
    {
        await using var engine = await EngineProcess.StartAsync();
        await using var caller = await RawWorker.ConnectAsync(engine, "caller");
        await using var newer = await ReplaceAsync(engine, caller, politely);

        using var response = await engine.Http.GetAsync("owned", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal("newer", ServedBy(JsonElement.Parse(body)));
    }

    [Fact]
    public async Task Registrations_end_with_their_last_owner()
    {
        await using var engine = await EngineProcess.StartAsync();
        await using var caller = await RawWorker.ConnectAsync(engine, "caller");
        await using var newer = await ReplaceAsync(engine, caller, politely: true);

        newer.Abort();

        await Eventually.TrueAsync("the function is gone", async () =>
        {
            var answer = await caller.CallAsync("owned::f");
            return answer.TryGetProperty("error", out var error) && error.GetProperty("code").GetString() == "function_not_found";
        });
        Assert.Empty(await RowsAsync(caller, "engine::triggers::list", "triggers"));
    }

    /// <summary>Lets one connection register, a second one register the same, and the first one end.</summary>
    /// <returns>The second one, once the engine has forgotten the first.</returns>
    private static async Task<RawWorker> ReplaceAsync(EngineProcess engine, RawWorker caller, bool politely)
    {
        await using var old = await RawWorker.ConnectAsync(engine, "old");
        var newer = await RawWorker.ConnectAsync(engine, "newer");
        foreach (var worker in new[] { old, newer })
        {
            await worker.SendAsync(Function);
            await worker.SendAsync(Trigger);

            // Frames of one socket are worked through in order, so now they are registered.
            await worker.CallAsync("engine::workers::list");
        }

        var oldId = await old.WorkerIdAsync();
        if (politely)
        {
            await old.CloseAsync();
        }
        else
        {
            old.Abort();
        }

        await Eventually.TrueAsync("the engine has cleaned up after the old connection", async () =>
        {
            var answer = await caller.CallAsync("engine::workers::list");
            return answer.GetProperty("result").GetProperty("workers").EnumerateArray().All(worker => worker.GetProperty("id").GetString() != oldId);
        });
        return newer;
    }

    private static async Task<JsonElement[]> RowsAsync(RawWorker caller, string function, string member)
    {
        var answer = await caller.CallAsync(function);
        return
        [
            .. answer.GetProperty("result").GetProperty(member).EnumerateArray()
                .Where(static row => row.GetProperty("function_id").GetString() == "owned::f"),
        ];
    }

    private static string? ServedBy(JsonElement result) => result.GetProperty("served_by").GetString();
}
