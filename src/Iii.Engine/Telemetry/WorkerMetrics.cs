namespace Iii.Engine.Telemetry;

/// <summary>The gauges that a worker last reported about its process.</summary>
/// <param name="TimestampMs">When the newest of them was taken, in milliseconds since 1970.</param>
/// <param name="Values">The gauges by the names that lists show.</param>
internal sealed record WorkerMetrics(long TimestampMs, IReadOnlyDictionary<string, double> Values);
