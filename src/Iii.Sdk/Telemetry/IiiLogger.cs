using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Telemetry;

/// <summary>The logger of one category.</summary>
internal sealed class IiiLogger(string category, TelemetryQueue<LogRecord> queue, TimeProvider time) : ILogger
{
    /// <summary>The name under which a message's template comes; the message itself is sent.</summary>
    private const string Template = "{OriginalFormat}";

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        var activity = Activity.Current;
        queue.Add(new LogRecord(
            time.GetUtcNow(),
            logLevel,
            category,
            formatter(state, exception),
            Attributes(eventId, state, exception),
            activity?.TraceId ?? default,
            activity?.SpanId ?? default));
    }

    private static List<KeyValuePair<string, object?>> Attributes<TState>(EventId eventId, TState state, Exception? exception)
    {
        var attributes = new List<KeyValuePair<string, object?>>();
        if (state is IEnumerable<KeyValuePair<string, object?>> members)
        {
            // Rendered now: the objects may change until they are sent.
            attributes.AddRange(members
                .Where(static member => member.Key != Template)
                .Select(static member => KeyValuePair.Create(member.Key, member.Value is IConvertible ? member.Value : member.Value?.ToString())));
        }

        if (eventId.Id != 0)
        {
            attributes.Add(new("event.id", eventId.Id));
        }

        if (exception is not null)
        {
            attributes.Add(new("exception.type", exception.GetType().FullName));
            attributes.Add(new("exception.message", exception.Message));
            attributes.Add(new("exception.stacktrace", exception.ToString()));
        }

        return attributes;
    }
}
