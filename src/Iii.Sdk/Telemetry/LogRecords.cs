using Iii.Sdk.Wire;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Telemetry;

/// <summary>Writes log entries as one <c>LOGS</c> message.</summary>
internal static class LogRecords
{
    public static void Write(MessageWriter message, IReadOnlyList<LogRecord> records, string? serviceName)
    {
        message.Append("LOGS{\"resourceLogs\":["u8);
        OtlpWriter.Resource(message, serviceName);
        message.Append(",\"scopeLogs\":["u8);
        var isFirst = true;
        foreach (var category in records.GroupBy(static record => record.Category))
        {
            message.Append(isFirst ? "{\"scope\":{\"name\":"u8 : ",{\"scope\":{\"name\":"u8);
            isFirst = false;
            message.AppendText(category.Key);
            message.Append("},\"logRecords\":["u8);
            var isFirstRecord = true;
            foreach (var record in category)
            {
                message.Append(isFirstRecord ? default : ","u8);
                isFirstRecord = false;
                Write(message, record);
            }

            message.Append("]}"u8);
        }

        message.Append("]}]}"u8);
    }

    private static void Write(MessageWriter message, LogRecord record)
    {
        var (number, text) = record.Level switch
        {
            LogLevel.Trace => (1, "TRACE"),
            LogLevel.Debug => (5, "DEBUG"),
            LogLevel.Warning => (13, "WARN"),
            LogLevel.Error => (17, "ERROR"),
            LogLevel.Critical => (21, "FATAL"),
            _ => (9, "INFO"),
        };
        message.Append("{\"timeUnixNano\":"u8);
        OtlpWriter.Time(message, record.Time);
        message.Append(",\"observedTimeUnixNano\":"u8);
        OtlpWriter.Time(message, record.Time);
        message.Append(",\"severityNumber\":"u8);
        message.Append(number);
        message.Member(",\"severityText\":"u8, text);
        message.Append(",\"body\":{\"stringValue\":"u8);
        message.AppendText(record.Message);
        message.Append("},\"attributes\":"u8);
        OtlpWriter.Attributes(message, record.Attributes);
        if (record.TraceId != default)
        {
            message.Member(",\"traceId\":"u8, record.TraceId.ToHexString());
            message.Member(",\"spanId\":"u8, record.SpanId.ToHexString());
        }

        message.Append("}"u8);
    }
}
