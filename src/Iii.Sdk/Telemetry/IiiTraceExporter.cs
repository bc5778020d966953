using System.Diagnostics;
using Iii.Sdk.Telemetry;

namespace Iii.Sdk;

/// <summary>Sends the SDK's spans to the engine, for processes without OpenTelemetry of their own.</summary>
/// <remarks>Listens while it lives. With an OpenTelemetry SDK in the process, add <see cref="IiiTelemetry.ActivitySourceName"/> there instead.</remarks>
/// <example>
/// <code>
/// await using var traces = new IiiTraceExporter("ws://localhost:49134", new IiiTelemetryOptions { ServiceName = "billing" });
/// </code>
/// </example>
public sealed class IiiTraceExporter : IAsyncDisposable
{
    private readonly TelemetryQueue<Activity> _queue;
    private readonly ActivityListener _listener;

    /// <summary>Starts to listen; connects with the first span.</summary>
    /// <param name="url">The engine's address, as given to the worker.</param>
    /// <param name="options">How spans are sent; null for the defaults.</param>
    public IiiTraceExporter(string url, IiiTelemetryOptions? options = null)
    {
        options ??= new IiiTelemetryOptions();
        _queue = new TelemetryQueue<Activity>(
            new Uri(url), options, (message, spans) => SpanRecords.Write(message, spans, options.ServiceName));
        _listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == IiiTelemetry.ActivitySourceName,
            Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _queue.Add,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Spans that were dropped because too many waited.</summary>
    public long Dropped => _queue.Dropped;

    /// <summary>Listens no longer, and sends what waits, for at most <see cref="IiiTelemetryOptions.FlushTimeout"/>.</summary>
    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return _queue.DisposeAsync();
    }
}
