using System.Text.Json;
using Iii.Engine.Gateways;
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
        // What the newest provider says is shown; it is also the one most likely to be up to date.
        var registrations = function.Registrations;
        var newest = registrations.Length > 0 ? registrations[^1] : null;
        writer.WriteStartObject();
        writer.WriteString("function_id", function.Id);
        writer.WriteString("description", newest?.Details.Description);
        EngineFunctions.WriteRawOrNull(writer, "request_format", newest?.Details.RequestFormat);
        EngineFunctions.WriteRawOrNull(writer, "response_format", newest?.Details.ResponseFormat);
        EngineFunctions.WriteRawOrNull(writer, "metadata", newest?.Details.Metadata);
        writer.WriteString("namespace", Namespace);
        writer.WriteString("worker_name", (newest?.Owner as WorkerConnection)?.Metadata.Name);
        writer.WriteNumber("provider_count", registrations.Length);
        if (newest?.Details.RegistrationError is { } error)
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

    public static void Write(Utf8JsonWriter writer, WorkerConnection worker, WorkerMetrics? metrics)
    {
        var metadata = worker.Metadata;
        writer.WriteStartObject();
        writer.WriteString("id", worker.WorkerId);
        writer.WriteString("name", metadata.Name);
        writer.WriteString("runtime", metadata.Runtime);
        writer.WriteString("version", metadata.Version);
        writer.WriteString("os", metadata.Os);
        writer.WriteString("ip_address", worker.RemoteAddress);
        writer.WriteString("status", "connected");
        writer.WriteNumber("connected_at_ms", worker.ConnectedAt.ToUnixTimeMilliseconds());
        writer.WriteNumber("function_count", worker.Functions.Count);
        WriteTexts(writer, "functions", worker.Functions.Items);
        writer.WriteNumber("active_invocations", worker.ActiveInvocations);
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
