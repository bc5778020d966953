using System.Text.Json;
using Iii.Engine.Gateways;
using Iii.Engine.Telemetry;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Discovery;

/// <summary>
/// The functions with which clients see what is registered (protocol §5.1, sdk-versions §5.10). Their rows carry the fields
/// of every generation of clients.
/// </summary>
internal sealed class DiscoveryFunctions(
    FunctionDirectory functions,
    TriggerDirectory triggers,
    WorkerDirectory workers,
    IWorkerList remoteWorkers,
    WorkerMetricsTable metrics,
    TimeProvider time)
{
    /// <summary>What is of the engine itself is not listed unless asked for.</summary>
    private const string InternalPrefix = "engine::";

    /// <summary>From this version of an SDK on, <c>engine::triggers::list</c> means trigger types (sdk-versions §8, C1).</summary>
    private static readonly Version TypesInsteadOfInstances = new(0, 13);

    public void AddTo(EngineFunctions engine)
    {
        engine.Add("engine::functions::list", "Lists the registered functions", (call, input, writer) => List(
            writer, "functions", WriteFunctions, EngineFunctions.Flag(call, input, "include_internal")));
        engine.Add("engine::functions::info", "Shows one function", (call, input, writer) =>
        {
            var id = Required(call, input, "function_id");
            DiscoveryRows.Write(writer, functions.Find(id) ?? throw Unknown("function", id));
        });
        engine.Add("engine::trigger-types::list", "Lists the trigger types", (call, input, writer) => List(
            writer, "trigger_types", WriteTypes, EngineFunctions.Flag(call, input, "include_internal")));
        engine.Add("engine::triggers::info", "Shows one trigger type", (call, input, writer) =>
        {
            var id = EngineFunctions.Text(call, input, "trigger_type") ?? Required(call, input, "id");
            DiscoveryRows.Write(writer, triggers.ListTypes().FirstOrDefault(row => row.Id == id) ?? throw Unknown("trigger type", id));
        });
        engine.Add("engine::triggers::list", "Lists the registered triggers; for SDKs from 0.13 on, the trigger types", (call, input, writer) => List(
            writer, "triggers", MeansTypes(call) ? WriteTypes : WriteTriggers, EngineFunctions.Flag(call, input, "include_internal")));
        engine.Add("engine::registered-triggers::list", "Lists the registered triggers", (call, input, writer) => List(
            writer, "registered_triggers", WriteTriggers, EngineFunctions.Flag(call, input, "include_internal")));
        engine.Add("engine::registered-triggers::info", "Shows one registered trigger", (call, input, writer) =>
        {
            var id = EngineFunctions.Text(call, input, "trigger_id") ?? Required(call, input, "id");
            var row = triggers.List().FirstOrDefault(row => row.Trigger.Id == id || row.RegistrationIds.Contains(id));
            DiscoveryRows.Write(writer, row ?? throw Unknown("registered trigger", id), NameOf(row));
        });
        engine.Add("engine::workers::list", "Lists the connected workers", (call, input, writer) =>
            WriteWorkers(writer, EngineFunctions.Text(call, input, "worker_id")));
        engine.Add("engine::workers::info", "Shows one connected worker", (call, input, writer) =>
        {
            var id = Required(call, input, "worker_id");
            DiscoveryRows.Write(writer, FindWorker(id) ?? throw Unknown("worker", id), metrics.Find(id));
        });
        engine.Add("engine::workers::register", "Takes note of what a worker says about itself", (call, input, writer) =>
        {
            Register(call, input);
            writer.WriteStartObject();
            writer.WriteBoolean("success", true);
            writer.WriteEndObject();
        });
    }

    /// <summary>Writes the rows of the functions.</summary>
    public void WriteFunctions(Utf8JsonWriter writer, bool includeInternal)
    {
        foreach (var function in functions.All)
        {
            if (!function.Providers.All.IsEmpty && IsShown(function.Id, includeInternal))
            {
                DiscoveryRows.Write(writer, function);
            }
        }
    }

    private static void List(Utf8JsonWriter writer, string name, Action<Utf8JsonWriter, bool> writeRows, bool includeInternal)
    {
        writer.WriteStartObject();
        writer.WriteStartArray(name);
        writeRows(writer, includeInternal);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static bool IsShown(string id, bool includeInternal) =>
        includeInternal || !id.StartsWith(InternalPrefix, StringComparison.Ordinal);

    private static string Required(EngineCall call, JsonElement input, string name) =>
        EngineFunctions.Text(call, input, name) ?? throw EngineFunctions.Unreadable(call, $"the string '{name}' is missing");

    private static EngineFunctionException Unknown(string what, string id) =>
        new(ErrorCodes.NotFound, $"There is no {what} '{id}'");

    private void WriteTriggers(Utf8JsonWriter writer, bool includeInternal)
    {
        foreach (var row in triggers.List())
        {
            if (IsShown(row.Trigger.FunctionId, includeInternal))
            {
                DiscoveryRows.Write(writer, row, NameOf(row));
            }
        }
    }

    private void WriteTypes(Utf8JsonWriter writer, bool includeInternal)
    {
        foreach (var row in triggers.ListTypes())
        {
            if (IsShown(row.Id, includeInternal))
            {
                DiscoveryRows.Write(writer, row);
            }
        }
    }

    private void WriteWorkers(Utf8JsonWriter writer, string? workerId)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("workers");
        foreach (var worker in workers.Rows.Concat(remoteWorkers.Rows))
        {
            if (workerId is null || worker.Id == workerId)
            {
                DiscoveryRows.Write(writer, worker, metrics.Find(worker.Id));
            }
        }

        writer.WriteEndArray();
        writer.WriteNumber("timestamp", time.GetUtcNow().ToUnixTimeMilliseconds());
        writer.WriteEndObject();
    }

    private WorkerRow? FindWorker(string id) => workers.FindRow(id) ?? remoteWorkers.FindRow(id);

    private string? NameOf(TriggerRow row) =>
        row.WorkerIds.Length > 0 ? FindWorker(row.WorkerIds[^1])?.Metadata.Name : null;

    private bool MeansTypes(EngineCall call) =>
        call.Caller is { } caller && workers.Find(caller.Id)?.Metadata.Version is { } text
        && Version.TryParse(text.Split('-', '+')[0], out var version) && version >= TypesInsteadOfInstances;

    private void Register(EngineCall call, JsonElement input)
    {
        if (call.Caller is null)
        {
            throw EngineFunctions.Unreadable(call, "it takes note of the calling worker, so only a worker can call it");
        }

        if (workers.Find(call.Caller.Id) is { } worker)
        {
            workers.SetMetadata(worker, WorkerMetadata.Read(call, input, worker.Metadata));
        }
    }
}
