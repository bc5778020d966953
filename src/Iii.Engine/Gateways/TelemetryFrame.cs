namespace Iii.Engine.Gateways;

/// <summary>Binary frames that carry OpenTelemetry: four letters, then OTLP as JSON (protocol §1.2).</summary>
internal static class TelemetryFrame
{
    public static bool IsTelemetry(ReadOnlySpan<byte> message) =>
        message.StartsWith("OTLP"u8) || message.StartsWith("MTRC"u8) || message.StartsWith("LOGS"u8);
}
