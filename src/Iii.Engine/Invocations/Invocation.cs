namespace Iii.Engine.Invocations;

/// <summary>
/// One piece of work on its way through the door, whatever caused it. Payloads are borrowed bytes: whoever keeps one
/// beyond the call that it was given to copies it.
/// </summary>
internal readonly ref struct Invocation
{
    /// <summary>The function to call.</summary>
    public required string FunctionId { get; init; }

    /// <summary>The input: one JSON value; empty means <c>null</c>.</summary>
    public ReadOnlySpan<byte> Data { get; init; }

    /// <summary>What the caller says beside the input: one JSON value, or empty.</summary>
    public ReadOnlySpan<byte> Metadata { get; init; }

    /// <summary>W3C trace context, as JSON string, or empty.</summary>
    public ReadOnlySpan<byte> TraceParent { get; init; }

    /// <summary>W3C baggage, as JSON string, or empty.</summary>
    public ReadOnlySpan<byte> Baggage { get; init; }

    /// <summary>The worker that calls; null when the engine does (protocol §3.2).</summary>
    public WorkerIdentity? Caller { get; init; }

    /// <summary>How long the call may take; zero for the engine's ceiling (a worker's call names no time).</summary>
    public TimeSpan Timeout { get; init; }
}
