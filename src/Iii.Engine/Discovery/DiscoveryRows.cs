using System.Text.Json;
using Iii.Engine.Telemetry;
using Iii.Engine.Triggers;

namespace Iii.Engine.Discovery;

/// <summary>The rows of the lists, one object each. Members are always there, null when there is nothing to say.</summary>
internal static class DiscoveryRows
{
    /// <summary>Later clients sort everything into namespaces; there is one here.</summary>
    private const string Namespace = "default";

    public static void Write(Utf8JsonWriter writer, FunctionPool function)
    {
        var providers = function.Providers;
        var shown = providers.Shown;
        writer.WriteStartObject();
        writer.WriteString("function_id", function.Id);
        writer.WriteString("description", shown?.Details.Description);
        EngineFunctions.WriteRawOrNull(writer, "request_format", shown?.Details.RequestFormat);
        EngineFunctions.WriteRawOrNull(writer, "response_format", shown?.Details.ResponseFormat);
        EngineFunctions.WriteRawOrNull(writer, "metadata", shown?.Details.Metadata);
        writer.WriteString("namespace", Namespace);
        writer.WriteString("worker_name", (shown?.Owner as IFunctionOwner)?.WorkerName);
        writer.WriteNumber("provider_count", providers.WorkerCount);
        if (shown?.Details.RegistrationError is { } error)
        {
            EngineFunctions.WriteRawOrNull(writer, "registration_error", error);
        }

        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, TriggerTypeRow type)
    {
        writer.WriteStartObject();
        writer.WriteString("id", type.Id);
        writer.WriteString("description", type.Details.Description);
        EngineFunctions.WriteRawOrNull(writer, "trigger_request_format", type.Details.TriggerRequestFormat);
        EngineFunctions.WriteRawOrNull(writer, "call_request_format", type.Details.CallRequestFormat);
        writer.WriteString("namespace", Namespace);
        writer.WriteString("worker_id", type.WorkerId);
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, TriggerRow row, string? workerName)
    {
        var trigger = row.Trigger;
        writer.WriteStartObject();
        writer.WriteString("id", trigger.Id);
        writer.WriteString("trigger_type", trigger.Type);
        writer.WriteString("function_id", trigger.FunctionId);
        EngineFunctions.WriteRawOrNull(writer, "config", trigger.Config);
        EngineFunctions.WriteRawOrNull(writer, "config_summary", trigger.Config);
        EngineFunctions.WriteRawOrNull(writer, "metadata", trigger.Metadata);
        writer.WriteString("status", row.IsActive ? "active" : "pending");
        writer.WriteString("namespace", Namespace);
        writer.WriteString("worker_name", workerName);
        WriteTexts(writer, "registration_ids", row.RegistrationIds);
        WriteTexts(writer, "worker_ids", row.WorkerIds);
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, WorkerRow worker, WorkerMetrics? metrics)
    {
        var metadata = worker.Metadata;
        writer.WriteStartObject();
        writer.WriteString("id", worker.Id);
        writer.WriteString("name", metadata.Name);
        writer.WriteString("runtime", metadata.Runtime);
        writer.WriteString("version", metadata.Version);
        writer.WriteString("os", metadata.Os);
        writer.WriteString("ip_address", worker.RemoteAddress);
        writer.WriteString("status", "connected");
        writer.WriteNumber("connected_at_ms", worker.ConnectedAtMs);
        writer.WriteNumber("function_count", worker.Functions.Count);
        WriteTexts(writer, "functions", worker.Functions);
        writer.WriteNumber("active_invocations", worker.ActiveInvocations);
        writer.WriteString("instance", worker.Instance);
        WriteMetrics(writer, metrics, metadata.Runtime);
        writer.WriteString("description", metadata.Description);
        writer.WriteString("namespace", Namespace);
        writer.WriteString("isolation", metadata.Isolation);
        if (metadata.Pid is { } pid)
        {
            writer.WriteNumber("pid", pid);
        }
        else
        {
            writer.WriteNull("pid");
        }

        EngineFunctions.WriteRawOrNull(writer, "telemetry", metadata.Telemetry);
        writer.WriteEndObject();
    }

    private static void WriteMetrics(Utf8JsonWriter writer, WorkerMetrics? metrics, string? runtime)
    {
        writer.WritePropertyName("latest_metrics");
        if (metrics is null)
        {
            writer.WriteNullValue();
            return;
        }

        writer.WriteStartObject();
        writer.WriteNumber("timestamp_ms", metrics.TimestampMs);
        writer.WriteString("runtime", runtime ?? "unknown");
        foreach (var (name, value) in metrics.Values)
        {
            // Counts and sizes are whole numbers to their readers; clients send them as 1.0 as well.
            if (value == Math.Floor(value) && Math.Abs(value) < long.MaxValue)
            {
                writer.WriteNumber(name, (long)value);
            }
            else
            {
                writer.WriteNumber(name, value);
            }
        }

        writer.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }
}
