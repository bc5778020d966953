using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>The lists and events of the engine, as far as they are about what a test itself has made.</summary>
internal static class Discovery
{
    /// <summary>The rows of <c>engine::{list}::list</c>; <paramref name="member"/> holds them if not the list's own name does.</summary>
    public static async Task<JsonElement[]> ListAsync(TestWorker worker, string list, string input = "{}", string? member = null) =>
        [.. (await worker.CallAsync($"engine::{list}::list", input)).GetProperty("result").GetProperty(member ?? list).EnumerateArray()];

    /// <summary>The rows of a list about one function.</summary>
    public static async Task<JsonElement[]> OfAsync(TestWorker worker, string list, string functionId) =>
        [.. (await ListAsync(worker, list)).Where(row => row.GetProperty("function_id").GetString() == functionId)];

    public static async Task<int> CountAsync(TestWorker worker, string list, string functionId) => (await OfAsync(worker, list, functionId)).Length;

    /// <summary>The message that registers a trigger for the comings and goings of workers.</summary>
    public static string Watch(string functionId, string config = "{}", string? id = null) =>
        $$"""{"type":"registertrigger","id":"{{id ?? Ids.New("T")}}","trigger_type":"engine::workers-available","function_id":"{{functionId}}","config":{{config}}}""";

    /// <summary>Whether a message tells this of this worker.</summary>
    public static bool IsEvent(JsonElement message, string name, string workerId) =>
        message.GetProperty("type").GetString() == "invokefunction"
        && message.GetProperty("data").TryGetProperty("event", out var told)
        && told.GetString() == name
        && message.GetProperty("data").GetProperty("worker_id").GetString() == workerId;
}
