using Iii.Protocol;

namespace Iii.Engine.Triggers;

/// <summary>Reads single members of a trigger's config. Unknown members are the client's own and are left alone.</summary>
internal static class TriggerConfig
{
    /// <summary>
    /// The function that decides whether the trigger's function runs; null when there is none. Both keys are understood on
    /// every type; <c>condition_function_id</c> goes before <c>_condition_path</c> (http-queue-pubsub-cron §0.3).
    /// </summary>
    public static string? ConditionFunctionId(ReadOnlySpan<byte> config) =>
        Find(config, "condition_function_id"u8).GetString() ?? Find(config, "_condition_path"u8).GetString();

    /// <summary>The member of that name; absent when there is none, or the config is no object.</summary>
    public static JsonSlice Find(ReadOnlySpan<byte> config, ReadOnlySpan<byte> name) => new JsonSlice(config).Find(name);
}
