using System.Collections.Concurrent;
using Iii.Sdk.Telemetry;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk;

/// <summary>Sends what is logged to the engine, in batches over a connection of its own.</summary>
/// <remarks>Logging never waits: records that find the queue full are dropped, see <see cref="Dropped"/>.</remarks>
/// <example>
/// <code>
/// await using var logs = new IiiLoggerProvider("ws://localhost:49134", new IiiTelemetryOptions { ServiceName = "billing" });
/// using var factory = new LoggerFactory([logs]);
/// </code>
/// </example>
[ProviderAlias("Iii")]
public sealed class IiiLoggerProvider : ILoggerProvider, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, IiiLogger> _loggers = new();
    private readonly TelemetryQueue<LogRecord> _queue;
    private readonly TimeProvider _time;

    /// <summary>Makes a provider; it connects with the first record.</summary>
    /// <param name="url">The engine's address, as given to the worker.</param>
    /// <param name="options">How records are sent; null for the defaults.</param>
    public IiiLoggerProvider(string url, IiiTelemetryOptions? options = null)
    {
        options ??= new IiiTelemetryOptions();
        _time = options.Time;
        _queue = new TelemetryQueue<LogRecord>(
            new Uri(url), options, (message, records) => LogRecords.Write(message, records, options.ServiceName));
    }

    /// <summary>Records that were dropped because too many waited.</summary>
    public long Dropped => _queue.Dropped;

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => _loggers.GetOrAdd(categoryName, name => new IiiLogger(name, _queue, _time));

    /// <summary>Sends what waits, for at most <see cref="IiiTelemetryOptions.FlushTimeout"/>. Prefer <see cref="DisposeAsync"/>.</summary>
    public void Dispose() => Task.Run(async () => await _queue.DisposeAsync().ConfigureAwait(false)).Wait();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _queue.DisposeAsync();
}
