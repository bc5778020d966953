namespace Iii.Engine.Telemetry;

/// <summary>What a binary telemetry frame carries, always as OTLP in JSON.</summary>
internal enum TelemetryKind
{
    Traces,
    Metrics,
    Logs,
}

/// <summary>Binary frames that carry OpenTelemetry: four letters, then OTLP as JSON (protocol §1.2).</summary>
internal static class TelemetryFrame
{
    /// <summary>Bytes before the OTLP request.</summary>
    public const int PrefixLength = 4;

    /// <summary>Whether a binary message carries telemetry, and what; the OTLP request stands behind the prefix.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out TelemetryKind kind)
    {
        TelemetryKind? found = message.StartsWith("OTLP"u8) ? TelemetryKind.Traces
            : message.StartsWith("MTRC"u8) ? TelemetryKind.Metrics
            : message.StartsWith("LOGS"u8) ? TelemetryKind.Logs
            : null;
        kind = found ?? default;
        return found is not null;
    }
}
