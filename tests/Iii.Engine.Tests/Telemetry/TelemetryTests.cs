using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Telemetry;

/// <summary>Telemetry frames and sockets (protocol §1.2, §1.9, §5.3).</summary>
public sealed class TelemetryTests : IAsyncLifetime
{
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Old_metrics_say_nothing()
    {
        await using var worker = await _engine.ConnectAsync();
        var old = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() - 121_000;
        await worker.SendAsync(Request(Gauge("iii.worker.memory.rss", worker.WorkerId, "1", old)), WebSocketMessageType.Binary);
        var row = (await worker.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers")[0];
        Assert.Equal(JsonValueKind.Null, row.GetProperty("latest_metrics").ValueKind);
    }

    [Fact]
    public async Task A_telemetry_socket_is_never_a_worker_whatever_it_sends()
    {
        await using var telemetry = await _engine.ConnectAsync("/otel");
        await telemetry.SendAsync("""{"type":"registerfunction","id":"f"}""");
        await telemetry.SendAsync("""{"type":"registerfunction","id":"g"}""", WebSocketMessageType.Binary);
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("OTLP{}", WebSocketMessageType.Binary);
        var workers = (await worker.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers");
        Assert.Equal(worker.WorkerId, Assert.Single(workers.EnumerateArray()).GetProperty("id").GetString());
        Assert.Equal(0, (await worker.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions").GetArrayLength());
    }

    [Fact]
    public async Task Telemetry_is_counted_by_kind()
    {
        var counted = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "iii.telemetry.size")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, bytes, tags, _) => counted.Enqueue($"{tags[0].Value} {bytes}"));
        listener.Start();
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("OTLP" + new string('x', 1001), WebSocketMessageType.Binary);
        await worker.SendAsync("LOGS" + new string('x', 1002), WebSocketMessageType.Binary);
        await worker.BarrierAsync();
        Assert.Contains("traces 1001", counted);
        Assert.Contains("logs 1002", counted);
    }

    private static string Request(string metrics) => """MTRC{"resourceMetrics":[{"scopeMetrics":[{"metrics":[""" + metrics + "]}]}]}";

    private static string Gauge(string name, string workerId, string number, long timestampMs) => string.Create(
        CultureInfo.InvariantCulture,
        $$$"""{"name":"{{{name}}}","gauge":{"dataPoints":[{"asInt":{{{number}}},"timeUnixNano":"{{{timestampMs}}}000000","attributes":[{"key":"worker.id","value":{"stringValue":"{{{workerId}}}"}}]}]}}""");
}
