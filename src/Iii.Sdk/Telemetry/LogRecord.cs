using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Telemetry;

/// <summary>One log entry, with all that may not be there any more when it is sent.</summary>
internal sealed record LogRecord(
    DateTimeOffset Time,
    LogLevel Level,
    string Category,
    string Message,
    IReadOnlyList<KeyValuePair<string, object?>> Attributes,
    ActivityTraceId TraceId,
    ActivitySpanId SpanId);
