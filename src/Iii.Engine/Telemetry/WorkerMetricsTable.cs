using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Iii.Protocol;

namespace Iii.Engine.Telemetry;

/// <summary>
/// The latest gauges of every worker (protocol §5.3). A point belongs to the worker that its attribute <c>worker.id</c>
/// names, whatever socket it came on; points of workers that are not connected are dropped.
/// </summary>
internal sealed class WorkerMetricsTable(Func<string, bool> isConnected, TimeProvider time) : ITelemetrySink
{
    /// <summary>Gauges older than this say nothing about a worker any more.</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(120);

    private static readonly Dictionary<string, string> NameOfGauge = new(StringComparer.Ordinal)
    {
        ["iii.worker.memory.heap_used"] = "memory_heap_used",
        ["iii.worker.memory.heap_total"] = "memory_heap_total",
        ["iii.worker.memory.rss"] = "memory_rss",
        ["iii.worker.memory.external"] = "memory_external",
        ["iii.worker.cpu.percent"] = "cpu_percent",
        ["iii.worker.cpu.user_micros"] = "cpu_user_micros",
        ["iii.worker.cpu.system_micros"] = "cpu_system_micros",
        ["iii.worker.event_loop.lag_ms"] = "event_loop_lag_ms",
        ["iii.worker.uptime_seconds"] = "uptime_seconds",
    };

    private readonly ConcurrentDictionary<string, WorkerMetrics> _metrics = new(StringComparer.Ordinal);

    /// <summary>What a worker last reported; null when that is too long ago, or nothing.</summary>
    public WorkerMetrics? Find(string workerId) =>
        _metrics.TryGetValue(workerId, out var metrics)
        && time.GetUtcNow().ToUnixTimeMilliseconds() - metrics.TimestampMs <= Freshness.TotalMilliseconds
            ? metrics
            : null;

    /// <summary>Forgets a worker that has left.</summary>
    public void Remove(string workerId) => _metrics.TryRemove(workerId, out _);

    public string? Ingest(TelemetryKind kind, ReadOnlyMemory<byte> otlpJson)
    {
        if (kind != TelemetryKind.Metrics)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(otlpJson, new JsonDocumentOptions { MaxDepth = WireLimits.MaxDepth });
            var reported = new Dictionary<string, WorkerMetrics>(StringComparer.Ordinal);
            foreach (var resource in Items(document.RootElement, "resourceMetrics"))
            {
                foreach (var scope in Items(resource, "scopeMetrics"))
                {
                    foreach (var metric in Items(scope, "metrics"))
                    {
                        Take(metric, reported);
                    }
                }
            }

            foreach (var (workerId, metrics) in reported)
            {
                // Whole requests are taken at once, so that nobody sees half of one.
                _metrics.AddOrUpdate(workerId, metrics, (_, known) => Merge(known, metrics));
            }

            return null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return $"its metrics cannot be read: {e.Message}";
        }
    }

    private void Take(JsonElement metric, Dictionary<string, WorkerMetrics> reported)
    {
        if (Member(metric, "name") is not { ValueKind: JsonValueKind.String } name
            || !NameOfGauge.TryGetValue(name.GetString()!, out var shownName)
            || Member(metric, "gauge") is not { } gauge)
        {
            return;
        }

        foreach (var point in Items(gauge, "dataPoints"))
        {
            if (WorkerOf(point) is { } workerId && isConnected(workerId)
                && Number(point, "asDouble") is var real && (real ?? Number(point, "asInt")) is { } value)
            {
                var timestamp = Nanoseconds(point, "timeUnixNano") / 1_000_000;
                var gauges = new WorkerMetrics(timestamp, new Dictionary<string, double> { [shownName] = value });
                reported[workerId] = reported.TryGetValue(workerId, out var others) ? Merge(others, gauges) : gauges;
            }
        }
    }

    private static WorkerMetrics Merge(WorkerMetrics known, WorkerMetrics added)
    {
        var values = new Dictionary<string, double>(known.Values);
        foreach (var (name, value) in added.Values)
        {
            values[name] = value;
        }

        return new WorkerMetrics(Math.Max(known.TimestampMs, added.TimestampMs), values);
    }

    private static string? WorkerOf(JsonElement point)
    {
        foreach (var attribute in Items(point, "attributes"))
        {
            if (Member(attribute, "key") is { ValueKind: JsonValueKind.String } key && key.ValueEquals("worker.id")
                && Member(attribute, "value") is { } value && Member(value, "stringValue") is { ValueKind: JsonValueKind.String } id)
            {
                return id.GetString();
            }
        }

        return null;
    }

    // Clients write whole numbers as numbers or as strings (protocol §1.2).
    private static double? Number(JsonElement parent, string name) => Member(parent, name) switch
    {
        { ValueKind: JsonValueKind.Number } number => number.GetDouble(),
        { ValueKind: JsonValueKind.String } text
            when double.TryParse(text.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) => parsed,
        _ => null,
    };

    // A double would not hold a time in nanoseconds to the millisecond.
    private static long Nanoseconds(JsonElement parent, string name) => Member(parent, name) switch
    {
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt64(out var value) => value,
        { ValueKind: JsonValueKind.String } text when long.TryParse(text.GetString(), CultureInfo.InvariantCulture, out var value) => value,
        _ => 0,
    };

    private static JsonElement? Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) ? value : null;

    private static JsonElement.ArrayEnumerator Items(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.Array } items ? items.EnumerateArray() : default;
}
