using System.Diagnostics;
using Iii.Sdk.Wire;

namespace Iii.Sdk.Telemetry;

/// <summary>Writes spans as one <c>OTLP</c> message.</summary>
internal static class SpanRecords
{
    public static void Write(MessageWriter message, IReadOnlyList<Activity> spans, string? serviceName)
    {
        message.Append("OTLP{\"resourceSpans\":["u8);
        OtlpWriter.Resource(message, serviceName);
        message.Append(",\"scopeSpans\":[{\"scope\":{\"name\":\"Iii.Sdk\"},\"spans\":["u8);
        for (var i = 0; i < spans.Count; i++)
        {
            message.Append(i == 0 ? default : ","u8);
            Write(message, spans[i]);
        }

        message.Append("]}]}]}"u8);
    }

    private static void Write(MessageWriter message, Activity span)
    {
        message.Append("{\"traceId\":"u8);
        message.AppendText(span.TraceId.ToHexString());
        message.Member(",\"spanId\":"u8, span.SpanId.ToHexString());
        message.Member(",\"parentSpanId\":"u8, span.ParentSpanId == default ? null : span.ParentSpanId.ToHexString());
        message.Member(",\"name\":"u8, span.DisplayName);

        // Ours start at internal 0, OTLP's at internal 1.
        message.Append(",\"kind\":"u8);
        message.Append((int)span.Kind + 1);
        message.Append(",\"startTimeUnixNano\":"u8);
        OtlpWriter.Time(message, span.StartTimeUtc);
        message.Append(",\"endTimeUnixNano\":"u8);
        OtlpWriter.Time(message, span.StartTimeUtc + span.Duration);
        message.Append(",\"attributes\":"u8);
        OtlpWriter.Attributes(message, span.TagObjects);
        message.Append(",\"status\":{\"code\":"u8);
        message.Append((int)span.Status);
        message.Member(",\"message\":"u8, span.StatusDescription);
        message.Append("}}"u8);
    }
}
