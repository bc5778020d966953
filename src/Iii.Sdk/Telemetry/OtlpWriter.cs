using System.Diagnostics;
using System.Globalization;
using Iii.Sdk.Wire;

namespace Iii.Sdk.Telemetry;

/// <summary>Writes what logs and spans have in common in OTLP as JSON (protocol §1.2).</summary>
internal static class OtlpWriter
{
    private static readonly long UnixEpochTicks = DateTime.UnixEpoch.Ticks;

    public static string DefaultServiceName { get; } = Process.GetCurrentProcess().ProcessName;

    /// <summary>The resource, up to its closing brace.</summary>
    public static void Resource(MessageWriter message, string? serviceName)
    {
        message.Append("""{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"""u8);
        message.AppendText(serviceName ?? DefaultServiceName);
        message.Append("""}},{"key":"telemetry.sdk.language","value":{"stringValue":"dotnet"}}]}"""u8);
    }

    /// <summary>A time, as text of nanoseconds.</summary>
    public static void Time(MessageWriter message, DateTimeOffset time)
    {
        message.Append("\""u8);
        message.Append((time.UtcTicks - UnixEpochTicks) * TimeSpan.NanosecondsPerTick);
        message.Append("\""u8);
    }

    public static void Attributes(MessageWriter message, IEnumerable<KeyValuePair<string, object?>> attributes)
    {
        message.Append("["u8);
        var isFirst = true;
        foreach (var (key, value) in attributes)
        {
            message.Append(isFirst ? "{\"key\":"u8 : ",{\"key\":"u8);
            isFirst = false;
            message.AppendText(key);
            message.Append(",\"value\":"u8);
            Value(message, value);
            message.Append("}"u8);
        }

        message.Append("]"u8);
    }

    private static void Value(MessageWriter message, object? value)
    {
        switch (value)
        {
            case bool flag:
                message.Append(flag ? "{\"boolValue\":true}"u8 : "{\"boolValue\":false}"u8);
                break;
            case sbyte or byte or short or ushort or int or uint or long:
                message.Append("{\"intValue\":"u8);
                message.Append(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                message.Append("}"u8);
                break;
            case double or float when double.IsFinite(Convert.ToDouble(value, CultureInfo.InvariantCulture)):
                message.Append("{\"doubleValue\":"u8);
                message.Append(System.Text.Encoding.ASCII.GetBytes(
                    Convert.ToDouble(value, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture)));
                message.Append("}"u8);
                break;
            default:
                message.Append("{\"stringValue\":"u8);
                message.AppendText(Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty);
                message.Append("}"u8);
                break;
        }
    }
}
