using System.Text.Json;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Queue;

/// <summary>What tests of queues say to an engine over a worker's socket.</summary>
internal static class QueueWorker
{
    /// <summary>Provides a function and subscribes it to a topic.</summary>
    /// <param name="worker">The worker.</param>
    /// <param name="functionId">The function; the trigger's id is the same with <c>-trigger</c>.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="queueConfig">JSON of <c>queue_config</c>; null for none.</param>
    /// <param name="type">The trigger type.</param>
    /// <param name="members">Further members of the config, each led by a comma.</param>
    public static async Task SubscribeAsync(
        this TestWorker worker, string functionId, string topic, string? queueConfig = null, string type = "queue", string members = "")
    {
        await worker.RegisterAsync(functionId);
        await worker.TriggerAsync(functionId, topic, queueConfig, type, members);
    }

    /// <summary>Subscribes a function to a topic.</summary>
    /// <returns>What the engine said of it.</returns>
    public static async Task<IReadOnlyList<JsonElement>> TriggerAsync(
        this TestWorker worker, string functionId, string topic, string? queueConfig = null, string type = "queue", string members = "")
    {
        var config = $$"""{"topic":"{{topic}}"{{(queueConfig is null ? "" : $",\"queue_config\":{queueConfig}")}}{{members}} }""";
        await worker.SendAsync(
            $$"""{"type":"registertrigger","id":"{{functionId}}-trigger","trigger_type":"{{type}}","function_id":"{{functionId}}","config":{{config}} }""");
        return await worker.BarrierAsync();
    }

    /// <summary>Puts a message into a topic, and asserts that it was accepted.</summary>
    public static async Task EnqueueAsync(this TestWorker worker, string topic, string data, string members = "")
    {
        var result = await worker.CallAsync("enqueue", $$"""{"topic":"{{topic}}","data":{{data}}{{members}} }""");
        Assert.False(result.TryGetProperty("error", out var error), error.ToString());
        Assert.False(result.TryGetProperty("result", out _));
    }

    /// <summary>Calls a function with the action <c>enqueue</c>.</summary>
    public static async Task<JsonElement> EnqueueCallAsync(this TestWorker worker, string queue, string functionId, string data)
    {
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, functionId, data, $$""","action":{"type":"enqueue","queue":"{{queue}}"}""");
        return await worker.ResultAsync(id);
    }

    /// <summary>Takes the next call of a function, answers it, and returns its input.</summary>
    public static async Task<JsonElement> HandleAsync(this TestWorker worker, string functionId)
    {
        var call = await worker.NextCallAsync(functionId);
        await worker.AnswerAsync(call);
        return call.GetProperty("data");
    }

    /// <summary>Takes the next call of a function and answers it with a failure.</summary>
    public static async Task<JsonElement> FailAsync(this TestWorker worker, string functionId, string code = "boom")
    {
        var call = await worker.NextCallAsync(functionId);
        await worker.AnswerAsync(call, $$""" "error":{"code":"{{code}}","message":"it failed"} """);
        return call;
    }

    /// <summary>Calls a function of the engine that has a result.</summary>
    public static async Task<JsonElement> AskAsync(this TestWorker worker, string functionId, string data = "{}")
    {
        var answer = await worker.CallAsync(functionId, data);
        Assert.False(answer.TryGetProperty("error", out var error), error.ToString());
        return answer.GetProperty("result");
    }

    /// <summary>Calls a function that fails, and returns the code.</summary>
    public static async Task<string?> ErrorAsync(this TestWorker worker, string functionId, string data) =>
        (await worker.CallAsync(functionId, data)).GetProperty("error").GetProperty("code").GetString();

    /// <summary>Waits until the counts of a topic are so.</summary>
    public static Task WaitForStatsAsync(this TestWorker worker, string topic, string count, long expected) => Eventually.TrueAsync(async () =>
        (await worker.AskAsync("engine::queue::topic_stats", $$"""{"topic":"{{topic}}"}""")).GetProperty(count).GetInt64() == expected);

    /// <summary>The dead letters of a topic.</summary>
    public static async Task<JsonElement[]> DeadLettersAsync(this TestWorker worker, string topic, string members = "") =>
        [.. (await worker.AskAsync("engine::queue::dlq_messages", $$"""{"topic":"{{topic}}"{{members}} }""")).EnumerateArray()];
}
