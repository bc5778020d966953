namespace Iii.Engine.Telemetry;

/// <summary>Something that makes use of the telemetry that workers send.</summary>
/// <remarks>
/// Called on the receive loop of the sending socket, for several sockets at once: it must be quick, thread-safe, and must
/// copy what it keeps.
/// </remarks>
internal interface ITelemetrySink
{
    /// <summary>Takes one export request.</summary>
    /// <param name="kind">What it carries.</param>
    /// <param name="otlpJson">The request, UTF-8 JSON as the worker wrote it; not checked yet.</param>
    /// <returns>Null, or what is wrong with the request.</returns>
    string? Ingest(TelemetryKind kind, ReadOnlyMemory<byte> otlpJson);
}
