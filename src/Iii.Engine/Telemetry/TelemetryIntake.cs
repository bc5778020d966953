namespace Iii.Engine.Telemetry;

/// <summary>Hands the telemetry of workers to all that make use of it.</summary>
internal sealed class TelemetryIntake(params ITelemetrySink[] sinks)
{
    /// <summary>Takes one binary frame's content.</summary>
    /// <returns>Null, or what is wrong with it.</returns>
    public string? Ingest(TelemetryKind kind, ReadOnlyMemory<byte> otlpJson)
    {
        string? problem = null;
        foreach (var sink in sinks)
        {
            problem ??= sink.Ingest(kind, otlpJson);
        }

        return problem;
    }
}
