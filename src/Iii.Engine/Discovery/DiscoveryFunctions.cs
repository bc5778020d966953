using System.Text.Json;
using Iii.Engine.Gateways;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Discovery;

/// <summary>The functions with which clients see what is registered (protocol §5.1).</summary>
internal static class DiscoveryFunctions
{
    /// <summary>Functions and triggers of the engine itself are not shown unless asked for.</summary>
    private const string InternalPrefix = "engine::";

    public static void AddTo(
        EngineFunctions engine, FunctionDirectory functions, TriggerDirectory triggers, WorkerDirectory workers, TimeProvider time)
    {
        engine.Add("engine::functions::list", "Lists the registered functions", (call, input, writer) =>
        {
            var includeInternal = EngineFunctions.Flag(call, input, "include_internal");
            writer.WriteStartObject();
            WriteFunctions(writer, functions, includeInternal);
            writer.WriteEndObject();
        });
        engine.Add("engine::triggers::list", "Lists the registered triggers", (call, input, writer) =>
            WriteTriggers(writer, triggers, EngineFunctions.Flag(call, input, "include_internal")));
        engine.Add("engine::workers::list", "Lists the connected workers", (call, input, writer) =>
            WriteWorkers(writer, workers, EngineFunctions.Text(call, input, "worker_id"), time));
        engine.Add("engine::workers::register", "Takes note of what a worker says about itself", (call, input, writer) =>
        {
            Register(workers, call, input);
            writer.WriteStartObject();
            writer.WriteBoolean("success", true);
            writer.WriteEndObject();
        });
    }

    /// <summary>Writes the member <c>functions</c>: rows that carry the fields of every generation of clients.</summary>
    public static void WriteFunctions(Utf8JsonWriter writer, FunctionDirectory functions, bool includeInternal)
    {
        writer.WriteStartArray("functions");
        foreach (var function in functions.All)
        {
            var registrations = function.Registrations;
            if (registrations.Length == 0 || (!includeInternal && function.Id.StartsWith(InternalPrefix, StringComparison.Ordinal)))
            {
                continue;
            }

            // What the newest provider says is shown; it is also the one most likely to be up to date.
            var newest = registrations[^1];
            writer.WriteStartObject();
            writer.WriteString("function_id", function.Id);
            writer.WriteString("description", newest.Details.Description);
            EngineFunctions.WriteRawOrNull(writer, "request_format", newest.Details.RequestFormat);
            EngineFunctions.WriteRawOrNull(writer, "response_format", newest.Details.ResponseFormat);
            EngineFunctions.WriteRawOrNull(writer, "metadata", newest.Details.Metadata);
            writer.WriteString("worker_name", (newest.Owner as WorkerConnection)?.Metadata.Name);
            writer.WriteNumber("provider_count", registrations.Length);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteTriggers(Utf8JsonWriter writer, TriggerDirectory triggers, bool includeInternal)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("triggers");
        foreach (var row in triggers.List())
        {
            var trigger = row.Trigger;
            if (!includeInternal && trigger.FunctionId.StartsWith(InternalPrefix, StringComparison.Ordinal))
            {
                continue;
            }

            writer.WriteStartObject();
            writer.WriteString("id", trigger.Id);
            writer.WriteString("trigger_type", trigger.Type);
            writer.WriteString("function_id", trigger.FunctionId);
            EngineFunctions.WriteRawOrNull(writer, "config", trigger.Config);
            EngineFunctions.WriteRawOrNull(writer, "metadata", trigger.Metadata);
            writer.WriteString("status", row.IsActive ? "active" : "pending");
            WriteTexts(writer, "registration_ids", row.RegistrationIds);
            WriteTexts(writer, "worker_ids", row.WorkerIds);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteWorkers(Utf8JsonWriter writer, WorkerDirectory workers, string? workerId, TimeProvider time)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("workers");
        foreach (var worker in workers.Workers)
        {
            if (workerId is not null && worker.WorkerId != workerId)
            {
                continue;
            }

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
            writer.WriteNull("latest_metrics");
            writer.WriteString("description", metadata.Description);
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

        writer.WriteEndArray();
        writer.WriteNumber("timestamp", time.GetUtcNow().ToUnixTimeMilliseconds());
        writer.WriteEndObject();
    }

    private static void Register(WorkerDirectory workers, EngineCall call, JsonElement input)
    {
        if (call.Caller is null)
        {
            throw new EngineFunctionException(
                ErrorCodes.DeserializationError,
                $"Failed to deserialize input for {call.FunctionId}: it takes note of the calling worker, so only a worker can call it");
        }

        if (workers.Find(call.Caller.Id) is not { } worker)
        {
            return;
        }

        var previous = worker.Metadata;
        workers.SetMetadata(worker, previous with
        {
            Runtime = EngineFunctions.Text(call, input, "runtime") ?? "unknown",
            Version = EngineFunctions.Text(call, input, "version"),
            Name = EngineFunctions.Text(call, input, "name") ?? previous.Name,
            Os = EngineFunctions.Text(call, input, "os") ?? previous.Os,
            Description = EngineFunctions.Text(call, input, "description") ?? previous.Description,
            Isolation = EngineFunctions.Text(call, input, "isolation") ?? previous.Isolation,
            Pid = input.TryGetProperty("pid", out var pid) && pid.ValueKind == JsonValueKind.Number && pid.TryGetInt64(out var number)
                ? number
                : previous.Pid,
            Telemetry = input.TryGetProperty("telemetry", out var telemetry) && telemetry.ValueKind == JsonValueKind.Object
                ? System.Text.Encoding.UTF8.GetBytes(telemetry.GetRawText())
                : null,
        });
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
