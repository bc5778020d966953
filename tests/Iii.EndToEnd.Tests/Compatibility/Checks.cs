using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>How each feature is seen to work with one version, while all others are connected too.</summary>
internal static class Checks
{
    private const int UploadLength = 10_000_000;
    private const int ChannelLength = 300_000;

    /// <summary>The versions that know channels.</summary>
    private static readonly string[] s_withChannels = Sdks.All[Array.IndexOf(Sdks.All, "0.9.0")..];

    public static async Task RegistersAsync(Fleet fleet, string sdk)
    {
        var id = $"extra-{sdk}";

        await fleet[sdk].AskAsync("define", new JsonObject { ["id"] = id });

        var row = await Eventually.ValueAsync(
            "it is listed", () => RowAsync(fleet, "functions", "function_id", id), static row => row is not null);
        Assert.Equal($"matrix-{sdk}", row!.Value.GetProperty("worker_name").GetString());
        await Eventually.TrueAsync("its route is there", async () => await StatusAsync(fleet, $"matrix/extra/{id}") == HttpStatusCode.OK);

        await fleet[sdk].AskAsync("remove", new JsonObject { ["id"] = id });

        await Eventually.TrueAsync("it is gone", async () => await RowAsync(fleet, "functions", "function_id", id) is null);
        await Eventually.TrueAsync("its route is gone", async () => await StatusAsync(fleet, $"matrix/extra/{id}") == HttpStatusCode.NotFound);
    }

    public static async Task IsListedAsync(Fleet fleet, string sdk)
    {
        // Versions that open a second socket for telemetry must not show it.
        var rows = await Eventually.ValueAsync(
            "it is listed once",
            async () => (await fleet.ObserveAsync("engine::workers::list")).GetProperty("workers").EnumerateArray()
                .Where(row => row.GetProperty("version").GetString() == sdk).ToArray(),
            static rows => rows.Length == 1);

        Assert.Equal($"matrix-{sdk}", rows[0].GetProperty("name").GetString());
        Assert.Equal("node", rows[0].GetProperty("runtime").GetString());
    }

    public static async Task CallsAllAsync(Fleet fleet, string sdk)
    {
        foreach (var callee in Sdks.All)
        {
            await AssertCallAsync(fleet, sdk, callee);
        }
    }

    public static async Task IsCalledByAllAsync(Fleet fleet, string sdk)
    {
        foreach (var caller in Sdks.All)
        {
            await AssertCallAsync(fleet, caller, sdk);
        }
    }

    public static async Task SendsToAllAsync(Fleet fleet, string sdk)
    {
        var text = $"{Guid.NewGuid()} from {sdk}";
        foreach (var callee in Sdks.All)
        {
            await fleet[sdk].SendAsync($"matrix::note::{callee}", new { text });
        }

        foreach (var callee in Sdks.All)
        {
            await Eventually.TrueAsync(
                $"{callee} has the note once",
                async () => (await fleet[callee].AskAsync("notes")).EnumerateArray().Count(note => note.GetString() == text) == 1);
        }
    }

    public static async Task SeesUnknownFunctionAsync(Fleet fleet, string sdk)
    {
        var error = await Assert.ThrowsAsync<WorkerErrorException>(() => fleet[sdk].CallAsync("matrix::nobody", new { x = 1 }));

        Assert.Equal("function_not_found", error.Code);
        Assert.Contains("matrix::nobody", error.Message, StringComparison.Ordinal);
    }

    public static async Task SeesThrownErrorsAsync(Fleet fleet, string sdk)
    {
        foreach (var callee in Sdks.All)
        {
            var error = await Assert.ThrowsAsync<WorkerErrorException>(() => fleet[sdk].CallAsync($"matrix::fail::{callee}", new { }));

            Assert.Equal("invocation_failed", error.Code);
            Assert.Contains($"boom from {callee}", error.Message, StringComparison.Ordinal);
        }
    }

    public static async Task ServesRouteAsync(Fleet fleet, string sdk)
    {
        using var response = await fleet.Engine.Http.GetAsync($"matrix/{sdk}/pages/7?word=ja", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NonAuthoritativeInformation, response.StatusCode);
        Assert.Equal(sdk, response.Headers.GetValues("x-served-by").Single());
        Assert.Equal(
            """{"id":"7","word":"ja"}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public static async Task FiresOwnTypeAsync(Fleet fleet, string sdk)
    {
        await HasTriggersOfAllAsync(fleet, sdk);
        var text = $"{Guid.NewGuid()}";

        await fleet[sdk].AskAsync("fire", new JsonObject { ["text"] = text });

        foreach (var subscriber in Sdks.All)
        {
            await Eventually.TrueAsync($"{subscriber} was fired once", async () =>
                (await fleet[subscriber].AskAsync("fired")).EnumerateArray().Count(input =>
                    input.GetProperty("text").GetString() == text
                    && input.GetProperty("from").GetString() == sdk
                    && input.GetProperty("config").GetProperty("by").GetString() == subscriber) == 1);
        }
    }

    public static async Task TakesTypeBackAsync(Fleet fleet, string sdk)
    {
        await fleet[sdk].AskAsync("withdraw_type");
        await AllTriggersAreAsync(fleet, sdk, "pending");
        await fleet[sdk].AskAsync("offer_type");
        await AllTriggersAreAsync(fleet, sdk, "active");

        await FiresOwnTypeAsync(fleet, sdk);
    }

    public static async Task IsToldOfUnregisteredTriggersAsync(Fleet fleet, string sdk)
    {
        foreach (var subscriber in Sdks.All)
        {
            await HasTriggersOfAllAsync(fleet, sdk);
            var before = (await fleet[sdk].AskAsync("unregistered")).GetInt32();

            await fleet[subscriber].AskAsync("unsubscribe", new JsonObject { ["to"] = sdk });

            await Eventually.TrueAsync($"{sdk} is told that the trigger of {subscriber} went", async () =>
                (await fleet[sdk].AskAsync("unregistered")).GetInt32() == before + 1);
            Assert.DoesNotContain(subscriber, await TriggersAsync(fleet, sdk));
            await fleet[subscriber].AskAsync("subscribe", new JsonObject { ["to"] = sdk });
        }
    }

    public static async Task SeesAvailableFunctionsAsync(Fleet fleet, string sdk)
    {
        foreach (var other in Sdks.All)
        {
            var id = $"available-{sdk}-{other}";

            await fleet[other].AskAsync("define", new JsonObject { ["id"] = id });
            await Eventually.TrueAsync($"it sees the new function of {other}", async () => (await AvailableAsync(fleet, sdk)).Contains(id));

            await fleet[other].AskAsync("remove", new JsonObject { ["id"] = id });
            await Eventually.TrueAsync($"it sees the function of {other} go", async () => !(await AvailableAsync(fleet, sdk)).Contains(id));
        }
    }

    public static async Task ListsFunctionsAsync(Fleet fleet, string sdk) =>
        AssertFunctions(await fleet[sdk].AskAsync("list", new JsonObject { ["helper"] = "listFunctions" }));

    public static async Task ListsWorkersAsync(Fleet fleet, string sdk) =>
        AssertWorkers(await fleet[sdk].AskAsync("list", new JsonObject { ["helper"] = "listWorkers" }));

    public static async Task ListsTriggersAsync(Fleet fleet, string sdk) =>
        AssertTriggers(await fleet[sdk].AskAsync("list", new JsonObject { ["helper"] = "listTriggers" }));

    public static async Task ListsTriggerTypesAsync(Fleet fleet, string sdk)
    {
        var rows = await fleet[sdk].AskAsync("list", new JsonObject { ["helper"] = "listTriggerTypes" });

        foreach (var provider in Sdks.All)
        {
            var row = Assert.Single(rows.EnumerateArray(), row => row.GetProperty("id").GetString() == $"matrix-type-{provider}");
            Assert.Equal($"fired by hand, by {provider}", row.GetProperty("description").GetString());
        }

        Assert.Single(rows.EnumerateArray(), static row => row.GetProperty("id").GetString() == "http");
    }

    public static async Task ListsByCallsAsync(Fleet fleet, string sdk)
    {
        AssertFunctions((await fleet[sdk].CallAsync("engine::functions::list", new { })).GetProperty("functions"));
        AssertWorkers((await fleet[sdk].CallAsync("engine::workers::list", new { })).GetProperty("workers"));
        AssertTriggers((await fleet[sdk].CallAsync("engine::registered-triggers::list", new { })).GetProperty("registered_triggers"));
    }

    public static async Task CallsByHttpAsync(Fleet fleet, string sdk)
    {
        using var target = new HttpTarget();
        var id = $"matrix::http::{sdk}::{Guid.NewGuid():N}";
        await fleet[sdk].AskAsync("define_http", new JsonObject { ["id"] = id, ["url"] = $"{target.Url}webhook" });

        // An answer on the same socket: so the registration before it has been worked through.
        await fleet[sdk].CallAsync("engine::workers::list", new { });
        foreach (var caller in Sdks.All)
        {
            var call = fleet[caller].CallAsync(id, new { word = $"from {caller}" });
            var request = await target.TakeAsync(call, """{"by":"http"}""");

            Assert.Equal("PUT /webhook", request.Line);
            Assert.Equal(sdk, request.CustomHeader);
            Assert.Equal($"from {caller}", request.Body.GetProperty("word").GetString());
            Assert.Equal("""{"by":"http"}""", (await call).GetRawText());
        }
    }

    public static async Task StreamsResponseAsync(Fleet fleet, string sdk)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        using var response = await fleet.Engine.Http.GetAsync(
            $"matrix/{sdk}/stream", HttpCompletionOption.ResponseHeadersRead, limit.Token);
        Assert.Equal(HttpStatusCode.NonAuthoritativeInformation, response.StatusCode);
        Assert.Equal("text/plain", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(sdk, response.Headers.GetValues("x-served-by").Single());
        await using var body = await response.Content.ReadAsStreamAsync(limit.Token);
        using var reader = new StreamReader(body);

        var first = new char["first, ".Length];
        await reader.ReadBlockAsync(first.AsMemory(), limit.Token);
        Assert.Equal("first, ", new string(first));

        await fleet[sdk].AskAsync("go_on");
        Assert.Equal("then the rest", await reader.ReadToEndAsync(limit.Token));
    }

    public static async Task TakesUploadAsync(Fleet fleet, string sdk)
    {
        var bytes = new byte[UploadLength];
        new Random(20).NextBytes(bytes);
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new("application/octet-stream");

        using var response = await fleet.Engine.Http.PostAsync($"matrix/{sdk}/upload", content, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = JsonElement.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(UploadLength, answer.GetProperty("length").GetInt32());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), answer.GetProperty("sha256").GetString());
    }

    public static async Task UsesChannelsAsync(Fleet fleet, string sdk)
    {
        foreach (var other in s_withChannels)
        {
            AssertTransfer(sdk, await fleet[sdk].AskAsync(
                "send_by_channel", new JsonObject { ["to"] = other, ["length"] = ChannelLength }));
            AssertTransfer(other, await fleet[sdk].AskAsync(
                "receive_by_channel", new JsonObject { ["from"] = other, ["length"] = ChannelLength }));
        }
    }

    public static async Task ComesBackAsync(Fleet fleet, string sdk, bool killed)
    {
        await fleet.RestartAsync(killed);

        // Each registration is there again under its old id, and none that was not there.
        var before = fleet.RegistrationsBefore;
        await Eventually.TrueAsync(
            "what was registered is registered again", async () => (await fleet.RegistrationsAsync()).SetEquals(before));
        var call = await Eventually.EndsAsync("the call made meanwhile ends", fleet.CallsDuringOutage[sdk]);
        Assert.Equal($$"""{"sum":23,"by":"{{sdk}}"}""", call.GetRawText());
        await IsListedAsync(fleet, sdk);
        await CallsAllAsync(fleet, sdk);
        await IsCalledByAllAsync(fleet, sdk);
        await ServesRouteAsync(fleet, sdk);
        await FiresOwnTypeAsync(fleet, sdk);
        if ((await fleet[sdk].AskAsync("has", new JsonObject { ["method"] = "onFunctionsAvailable" })).GetBoolean())
        {
            await SeesAvailableFunctionsAsync(fleet, sdk);
        }
    }

    private static async Task AssertCallAsync(Fleet fleet, string caller, string callee)
    {
        var answer = await fleet[caller].CallAsync($"matrix::add::{callee}", new { a = 2, b = 3 });

        Assert.Equal($$"""{"sum":5,"by":"{{callee}}"}""", answer.GetRawText());
    }

    private static void AssertFunctions(JsonElement rows)
    {
        foreach (var sdk in Sdks.All)
        {
            Assert.Single(rows.EnumerateArray(), row => row.GetProperty("function_id").GetString() == $"matrix::add::{sdk}");
        }
    }

    private static void AssertWorkers(JsonElement rows) => Assert.Equal(
        Sdks.All.Order(),
        rows.EnumerateArray().Select(static row => row.GetProperty("version").GetString()).OfType<string>().Order());

    private static void AssertTriggers(JsonElement rows)
    {
        foreach (var sdk in Sdks.All)
        {
            var row = Assert.Single(rows.EnumerateArray(), row => row.GetProperty("function_id").GetString() == $"matrix::page::{sdk}");
            Assert.Equal("http", row.GetProperty("trigger_type").GetString());
            Assert.Equal($"matrix/{sdk}/pages/:id", row.GetProperty("config").GetProperty("api_path").GetString());
        }
    }

    private static void AssertTransfer(string writer, JsonElement transfer)
    {
        var (sent, received) = (transfer.GetProperty("sent"), transfer.GetProperty("received"));
        Assert.Equal(ChannelLength, received.GetProperty("length").GetInt32());
        Assert.Equal(sent.GetProperty("sha256").GetString(), received.GetProperty("sha256").GetString());
        Assert.Equal($"from {writer}", Assert.Single(received.GetProperty("messages").EnumerateArray()).GetString());
    }

    private static async Task<JsonElement?> RowAsync(Fleet fleet, string list, string member, string value)
    {
        var rows = (await fleet.ObserveAsync($"engine::{list}::list")).GetProperty(list).EnumerateArray()
            .Where(row => row.GetProperty(member).GetString() == value).ToArray();
        return rows is [var row] ? row : null;
    }

    private static async Task<HttpStatusCode> StatusAsync(Fleet fleet, string path)
    {
        using var response = await fleet.Engine.Http.GetAsync(path, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    private static async Task<string[]> TriggersAsync(Fleet fleet, string sdk) =>
        [.. (await fleet[sdk].AskAsync("triggers")).EnumerateArray().Select(static by => by.GetString()!)];

    private static Task HasTriggersOfAllAsync(Fleet fleet, string sdk) => Eventually.TrueAsync(
        "its trigger type has the triggers of all versions", async () => (await TriggersAsync(fleet, sdk)).Order().SequenceEqual(Sdks.All.Order()));

    private static Task AllTriggersAreAsync(Fleet fleet, string sdk, string status) => Eventually.TrueAsync(
        $"the triggers of its type are {status}", async () =>
        {
            var triggers = await fleet.ObserveAsync("engine::triggers::list");
            var rows = triggers.GetProperty("triggers").EnumerateArray()
                .Where(row => row.GetProperty("trigger_type").GetString() == $"matrix-type-{sdk}").ToArray();
            return rows.Length == Sdks.All.Length && rows.All(row => row.GetProperty("status").GetString() == status);
        });

    private static async Task<string[]> AvailableAsync(Fleet fleet, string sdk) =>
        [.. (await fleet[sdk].AskAsync("available")).EnumerateArray().Select(static id => id.GetString()!)];
}
