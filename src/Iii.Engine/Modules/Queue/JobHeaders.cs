using System.Collections.ObjectModel;
using System.Text;
using Iii.Broker;
using Iii.Protocol;

namespace Iii.Engine.Modules.Queue;

/// <summary>What travels with a job beside its payload. Values are plain text, as other programs at the broker write them.</summary>
internal static class JobHeaders
{
    /// <summary>The function that a job of a named queue is for.</summary>
    public const string FunctionId = "function_id";

    private const string TraceParent = "traceparent";
    private const string Baggage = "baggage";

    /// <summary>The headers of a job. A trace header that does not fit is left out: it is no part of the work.</summary>
    public static IReadOnlyDictionary<string, string> Write(string? functionId, JsonSlice traceParent, JsonSlice baggage)
    {
        if (functionId is null && !traceParent.IsString && !baggage.IsString)
        {
            return ReadOnlyDictionary<string, string>.Empty;
        }

        var headers = new Dictionary<string, string>(capacity: 3, StringComparer.Ordinal);
        var room = BrokerLimits.MaxHeaderBytes;
        Add(headers, FunctionId, functionId, ref room);
        Add(headers, TraceParent, traceParent.GetString(), ref room);
        Add(headers, Baggage, baggage.GetString(), ref room);
        return headers;
    }

    /// <summary>The trace context as JSON string; empty when there is none.</summary>
    public static ReadOnlySpan<byte> TraceParentJson(IReadOnlyDictionary<string, string> headers) => Json(headers, TraceParent);

    /// <summary>The baggage as JSON string; empty when there is none.</summary>
    public static ReadOnlySpan<byte> BaggageJson(IReadOnlyDictionary<string, string> headers) => Json(headers, Baggage);

    /// <summary>The id of the trace, for the history; null when there is none.</summary>
    public static string? TraceId(IReadOnlyDictionary<string, string> headers) =>
        headers.TryGetValue(TraceParent, out var text) && text.Split('-') is [_, { Length: 32 } traceId, ..] ? traceId : null;

    private static void Add(Dictionary<string, string> headers, string name, string? value, ref int room)
    {
        var size = value is null ? 0 : name.Length + Encoding.UTF8.GetByteCount(value);
        if (size > 0 && size <= room)
        {
            headers.Add(name, value!);
            room -= size;
        }
    }

    private static ReadOnlySpan<byte> Json(IReadOnlyDictionary<string, string> headers, string name)
    {
        if (!headers.TryGetValue(name, out var text) || text.Length > WireLimits.MaxTraceHeaderBytes)
        {
            return default;
        }

        var json = new FrameBuilder(text.Length + 16);
        json.AppendText(text);
        return json.ToArray();
    }
}
