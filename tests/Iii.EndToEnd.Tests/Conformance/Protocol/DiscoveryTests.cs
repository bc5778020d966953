using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>The lists and the events of discovery, and what workers say about themselves.</summary>
public class DiscoveryTests(SharedEngine engine)
{
    [Fact]
    [Trait("spec", "protocol 11.33")]
    public async Task Functions_of_the_engine_are_hidden_unless_asked_for_and_every_row_has_all_members()
    {
        var (log, price) = (Ids.New("engine.on_log"), Ids.New("orders::price"));
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(log);
        await worker.SendAsync(
            $$$"""{"type":"registerfunction","id":"{{{price}}}","description":"Price","request_format":{"name":"x","type":"object"},"metadata":{"team":"shop"}}""");
        var shown = await Discovery.ListAsync(worker, "functions");
        var ids = shown.Select(static row => row.GetProperty("function_id").GetString()!).ToArray();
        Assert.Contains(log, ids);
        Assert.DoesNotContain(ids, static id => id.StartsWith("engine::", StringComparison.Ordinal));
        Assert.All(shown, static row => Assert.All(
            ["function_id", "description", "request_format", "response_format", "metadata"], name => Assert.True(row.TryGetProperty(name, out _))));
        var row = shown.Single(row => row.GetProperty("function_id").GetString() == price);
        Assert.Equal("""{"name":"x","type":"object"}""", row.GetProperty("request_format").GetRawText());
        Assert.Equal("""{"team":"shop"}""", row.GetProperty("metadata").GetRawText());
        Assert.Equal(JsonValueKind.Null, row.GetProperty("response_format").ValueKind);
        var all = await Discovery.ListAsync(worker, "functions", """{"include_internal":true}""");
        Assert.Contains(all, static row => row.GetProperty("function_id").GetString() == "engine::functions::list");
    }

    [Fact]
    [Trait("spec", "protocol 11.34")]
    public async Task Triggers_are_hidden_by_the_prefix_of_their_function()
    {
        var (shown, hidden) = (Ids.New("f"), Ids.New("engine::f"));
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync(Discovery.Watch(shown));
        await worker.SendAsync(Discovery.Watch(hidden, """{"x":1.50}"""));
        Assert.Single(await Discovery.OfAsync(worker, "triggers", shown));
        Assert.Empty(await Discovery.OfAsync(worker, "triggers", hidden));
        var all = await Discovery.ListAsync(worker, "triggers", """{"include_internal":true}""");
        var row = all.Single(row => row.GetProperty("function_id").GetString() == hidden);
        Assert.Equal("""{"x":1.50}""", row.GetProperty("config").GetRawText());
    }

    [Fact]
    [Trait("spec", "protocol 11.35")]
    public async Task Worker_rows_have_all_members()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var row = Assert.Single(await RowsOfAsync(worker));
        Assert.All(
            ["id", "name", "runtime", "version", "os", "ip_address", "status", "connected_at_ms", "function_count", "functions", "active_invocations", "latest_metrics"],
            name => Assert.True(row.TryGetProperty(name, out _), name));
        Assert.Equal("connected", row.GetProperty("status").GetString());
        Assert.True(row.GetProperty("connected_at_ms").TryGetInt64(out _));
        Assert.Equal(1, row.GetProperty("function_count").GetInt32());
        Assert.Equal(f, row.GetProperty("functions")[0].GetString());
        Assert.Equal("127.0.0.1", row.GetProperty("ip_address").GetString());
        Assert.Empty(await Discovery.ListAsync(worker, "workers", """{"worker_id":"nobody"}"""));
        var list = (await worker.CallAsync("engine::workers::list")).GetProperty("result");
        Assert.True(list.GetProperty("timestamp").TryGetInt64(out _));
    }

    [Fact]
    [Trait("spec", "protocol 11.36")]
    public async Task Console_may_add_functions_under_the_engines_prefix_and_routes_for_them()
    {
        var (f, path) = (Ids.New("engine::console::status"), Ids.New("console"));
        await using var console = await engine.ConnectAsync();
        await console.RegisterAsync(f);
        await console.SendAsync(RoutedFunction.Trigger(Ids.New("T"), f, path));
        var id = Guid.NewGuid().ToString();
        await console.SendCallAsync(id, f);
        await console.AnswerAsync(await console.NextCallAsync(f));
        Assert.True((await console.ResultAsync(id)).TryGetProperty("result", out _));
        await RoutedFunction.IsLiveAsync(engine, path);
        var request = engine.Http.GetStringAsync(path, TestContext.Current.CancellationToken);
        await console.AnswerAsync(await console.NextCallAsync(f), """ "result":{"body":"up"} """);
        Assert.Equal("\"up\"", await request);
    }

    [Fact]
    [Trait("spec", "protocol 11.37")]
    public async Task Worker_says_who_it_is_without_an_answer_and_watchers_are_told()
    {
        var f = Ids.New("on.worker");
        await using var watcher = await engine.ConnectAsync();
        await watcher.RegisterAsync(f);
        await watcher.SendAsync(Discovery.Watch(f));
        await watcher.BarrierAsync();

        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync("""{"type":"invokefunction","function_id":"engine::workers::register","data":{"runtime":"node","version":"0.11.6","name":"web-1:4410","os":"linux","pid":41,"isolation":null,"telemetry":{"language":"en"},"unknown":[1]}}""");
        Assert.Empty(await worker.BarrierAsync());
        await watcher.NextAsync(message => Discovery.IsEvent(message, "worker_connected", worker.WorkerId));
        await watcher.NextAsync(message => Discovery.IsEvent(message, "worker_metadata_updated", worker.WorkerId));
        var row = Assert.Single(await RowsOfAsync(worker));
        Assert.Equal("web-1:4410", row.GetProperty("name").GetString());
        Assert.Equal("node", row.GetProperty("runtime").GetString());
        Assert.Equal(41, row.GetProperty("pid").GetInt64());
        await worker.CloseAsync();
        await watcher.NextAsync(message => Discovery.IsEvent(message, "worker_disconnected", worker.WorkerId));
    }

    [Theory]
    [Trait("spec", "protocol 11.38")]
    [InlineData("/otel", "1")]
    [InlineData("/prefix/otel?x=1", "\"1\"")]
    [InlineData("/", "1.0")]
    public async Task Metrics_belong_to_the_worker_that_they_name_whatever_socket_they_come_on(string path, string number)
    {
        await using var worker = await engine.ConnectAsync();
        await worker.CallAsync("engine::workers::register", """{"runtime":"node"}""");
        await using var telemetry = await engine.ConnectAsync(path);
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var points = string.Join(',', new[] { "iii.worker.memory.rss", "iii.worker.cpu.percent", "other" }.Select(name => Gauge(name, worker.WorkerId, number, now)));
        await telemetry.SendAsync("MTRC not json", WebSocketMessageType.Binary);
        await telemetry.SendAsync(Metrics($"{points},{Gauge("iii.worker.memory.rss", "nobody", number, now)}"), WebSocketMessageType.Binary);
        var metrics = await Eventually.ValueAsync(
            "the metrics are listed",
            async () => Assert.Single(await RowsOfAsync(worker)).GetProperty("latest_metrics"),
            static metrics => metrics.ValueKind == JsonValueKind.Object);
        Assert.Equal(now, metrics.GetProperty("timestamp_ms").GetInt64());
        Assert.Equal("node", metrics.GetProperty("runtime").GetString());
        Assert.Equal(1, metrics.GetProperty("memory_rss").GetInt64());
        Assert.Equal(["timestamp_ms", "runtime", "memory_rss", "cpu_percent"], metrics.EnumerateObject().Select(static member => member.Name));
    }

    [Fact]
    [Trait("spec", "protocol 11.39")]
    public async Task Watchers_of_functions_get_the_full_list_within_5_s_of_a_change()
    {
        var (watching, f, g) = (Ids.New("on.functions"), Ids.New("f"), Ids.New("g"));
        await using var watcher = await engine.ConnectAsync();
        await watcher.RegisterAsync(watching);
        await watcher.SendAsync(WatchFunctions(watching));
        await watcher.BarrierAsync();

        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        await worker.RegisterAsync(g);
        var told = watcher.NextAsync(message => IsList(message, watching, f));
        var ids = FunctionIds(await told.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken));
        Assert.Superset(new HashSet<string?> { f, g, watching, "engine::functions::list" }, ids);
        await worker.CloseAsync();
        await watcher.NextAsync(message => message.GetProperty("function_id").GetString() == watching && !FunctionIds(message).Contains(f));
    }

    [Fact]
    [Trait("spec", "protocol 11.39")]
    public async Task Watchers_of_functions_are_told_nothing_when_they_subscribe()
    {
        var (early, late, f) = (Ids.New("on.functions"), Ids.New("on.functions"), Ids.New("f"));
        await using var watcher = await engine.ConnectAsync();
        await watcher.RegisterAsync(early);
        await watcher.RegisterAsync(late);
        await watcher.SendAsync(WatchFunctions(early));
        await watcher.NextAsync(message => IsList(message, early, late));
        await watcher.BarrierAsync();
        await watcher.SendAsync(WatchFunctions(late));
        await watcher.RegisterAsync(f);

        // Other tests change the set of functions too. But what comes for a change comes to both.
        var counts = new Dictionary<string, int> { [early] = 0, [late] = 0 };
        for (var left = 2; left > 0;)
        {
            var message = await watcher.NextAsync("invokefunction");
            counts[message.GetProperty("function_id").GetString()!]++;
            left -= FunctionIds(message).Contains(f) ? 1 : 0;
        }

        Assert.InRange(counts[late], 1, counts[early]);
    }

    private static async Task<JsonElement[]> RowsOfAsync(TestWorker worker) =>
        await Discovery.ListAsync(worker, "workers", $$"""{"worker_id":"{{worker.WorkerId}}"}""");

    private static string WatchFunctions(string functionId) =>
        $$$"""{"type":"registertrigger","id":"{{{Ids.New("T")}}}","trigger_type":"engine::functions-available","function_id":"{{{functionId}}}","config":{}}""";

    private static bool IsList(JsonElement message, string watching, string functionId) =>
        message.GetProperty("function_id").GetString() == watching && FunctionIds(message).Contains(functionId);

    private static HashSet<string?> FunctionIds(JsonElement call)
    {
        Assert.Equal("functions_changed", call.GetProperty("data").GetProperty("event").GetString());
        return [.. call.GetProperty("data").GetProperty("functions").EnumerateArray().Select(static row => row.GetProperty("function_id").GetString())];
    }

    private static string Metrics(string metrics) => """MTRC{"resourceMetrics":[{"scopeMetrics":[{"metrics":[""" + metrics + "]}]}]}";

    private static string Gauge(string name, string workerId, string number, long timestampMs) => string.Create(
        CultureInfo.InvariantCulture,
        $$$"""{"name":"{{{name}}}","gauge":{"dataPoints":[{"asInt":{{{number}}},"timeUnixNano":"{{{timestampMs}}}000000","attributes":[{"key":"worker.id","value":{"stringValue":"{{{workerId}}}"}}]}]}}""");
}
