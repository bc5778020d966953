namespace Iii.Sdk;

/// <summary>The names under which the SDK's telemetry is found.</summary>
/// <example>With OpenTelemetry, add <see cref="ActivitySourceName"/> as a source of its tracing.</example>
public static class IiiTelemetry
{
    /// <summary>The activity source: a client span per call that is made, a server span per call that is answered.</summary>
    public const string ActivitySourceName = "Iii.Sdk";
}
