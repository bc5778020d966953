using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Iii.Sdk.Wire;

namespace Iii.Sdk;

/// <summary>Triggers of typed config, and of the types that the engine has.</summary>
/// <example>
/// <code>
/// worker.RegisterHttpTrigger("orders::get", "/orders/:id");
/// worker.RegisterCronTrigger("orders::clean", "0 0 3 * * *");
/// </code>
/// </example>
public static class TriggerRegistrationExtensions
{
    /// <summary>Asks for a function to be called whenever something happens.</summary>
    /// <param name="worker">The worker that asks.</param>
    /// <param name="type">The trigger type.</param>
    /// <param name="functionId">The function to call.</param>
    /// <param name="config">The config that the type asks for.</param>
    /// <param name="configType">How the config is written.</param>
    /// <param name="metadataJson">Anything about the trigger, as JSON; null for nothing.</param>
    /// <returns>Dispose of it to end the trigger.</returns>
    public static IiiRegistration RegisterTrigger<TConfig>(
        this IiiWorker worker,
        string type,
        string functionId,
        TConfig config,
        JsonTypeInfo<TConfig> configType,
        string? metadataJson = null)
    {
        ArgumentNullException.ThrowIfNull(worker);
        return worker.RegisterTrigger(type, functionId, JsonSerializer.Serialize(config, configType), metadataJson);
    }

    /// <summary>A route: requests to the path call the function.</summary>
    /// <param name="worker">The worker that asks.</param>
    /// <param name="functionId">The function to call.</param>
    /// <param name="path">The path; <c>:name</c> stands for one segment, as in <c>/orders/:id</c>.</param>
    /// <param name="method">The HTTP method.</param>
    /// <param name="conditionFunctionId">A function that decides whether the call is made; null for none.</param>
    /// <returns>Dispose of it to end the route.</returns>
    public static IiiRegistration RegisterHttpTrigger(
        this IiiWorker worker, string functionId, string path, string method = "GET", string? conditionFunctionId = null) =>
        Register(worker, "http", functionId, ("api_path", path), ("http_method", method), ("condition_function_id", conditionFunctionId));

    /// <summary>A schedule.</summary>
    /// <param name="worker">The worker that asks.</param>
    /// <param name="functionId">The function to call.</param>
    /// <param name="expression">Six or seven fields, the first one seconds: <c>0 0 3 * * *</c> is every day at three.</param>
    /// <returns>Dispose of it to end the schedule.</returns>
    public static IiiRegistration RegisterCronTrigger(this IiiWorker worker, string functionId, string expression) =>
        Register(worker, "cron", functionId, ("expression", expression));

    /// <summary>A subscription to a topic of a queue: each message is handled by one worker, and again when it fails.</summary>
    /// <param name="worker">The worker that asks.</param>
    /// <param name="functionId">The function to call.</param>
    /// <param name="topic">The topic.</param>
    /// <returns>Dispose of it to end the subscription.</returns>
    public static IiiRegistration RegisterQueueTrigger(this IiiWorker worker, string functionId, string topic) =>
        Register(worker, "queue", functionId, ("topic", topic));

    /// <summary>A subscription to what is published on a topic.</summary>
    /// <param name="worker">The worker that asks.</param>
    /// <param name="functionId">The function to call.</param>
    /// <param name="topic">The topic.</param>
    /// <returns>Dispose of it to end the subscription.</returns>
    public static IiiRegistration RegisterSubscription(this IiiWorker worker, string functionId, string topic) =>
        Register(worker, "subscribe", functionId, ("topic", topic));

    /// <summary>Changes of the state.</summary>
    /// <param name="worker">The worker that asks.</param>
    /// <param name="functionId">The function to call.</param>
    /// <param name="scope">The scope; null for all.</param>
    /// <param name="key">The key; null for all.</param>
    /// <returns>Dispose of it to end the trigger.</returns>
    public static IiiRegistration RegisterStateTrigger(this IiiWorker worker, string functionId, string? scope = null, string? key = null) =>
        Register(worker, "state", functionId, ("scope", scope), ("key", key));

    private static IiiRegistration Register(
        IiiWorker worker, string type, string functionId, params ReadOnlySpan<(string Name, string? Value)> members)
    {
        ArgumentNullException.ThrowIfNull(worker);
        using var config = MessageWriter.Rent();
        config.Append("{"u8);
        foreach (var (name, value) in members)
        {
            if (value is not null)
            {
                config.Append(config.Span.Length > 1 ? ","u8 : default);
                config.AppendText(name);
                config.Append(":"u8);
                config.AppendText(value);
            }
        }

        config.Append("}"u8);
        return worker.RegisterTrigger(type, functionId, Encoding.UTF8.GetString(config.Span));
    }
}
