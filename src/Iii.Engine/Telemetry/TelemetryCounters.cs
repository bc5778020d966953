using System.Diagnostics.Metrics;
using Iii.Engine.Invocations;

namespace Iii.Engine.Telemetry;

/// <summary>Counts telemetry requests and their bytes, by kind.</summary>
internal sealed class TelemetryCounters : ITelemetrySink, IDisposable
{
    private static readonly KeyValuePair<string, object?>[] Kinds =
        [new("kind", "traces"), new("kind", "metrics"), new("kind", "logs")];

    private readonly Meter _meter = new(InvocationMetrics.MeterName);
    private readonly Counter<long> _requests;
    private readonly Counter<long> _bytes;

    public TelemetryCounters()
    {
        _requests = _meter.CreateCounter<long>("iii.telemetry.requests", description: "Telemetry requests that workers sent");
        _bytes = _meter.CreateCounter<long>("iii.telemetry.size", "By", "Bytes of telemetry that workers sent");
    }

    public string? Ingest(TelemetryKind kind, ReadOnlyMemory<byte> otlpJson)
    {
        _requests.Add(1, Kinds[(int)kind]);
        _bytes.Add(otlpJson.Length, Kinds[(int)kind]);
        return null;
    }

    public void Dispose() => _meter.Dispose();
}
