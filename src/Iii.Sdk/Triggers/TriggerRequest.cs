using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Iii.Sdk;

/// <summary>A trigger of a type that this worker provides: somebody wants a function to be called when something happens.</summary>
public sealed record TriggerRequest
{
    internal TriggerRequest()
    {
    }

    /// <summary>The trigger's id; the same when the engine sends the trigger again.</summary>
    public required string Id { get; init; }

    /// <summary>The trigger type.</summary>
    public required string TriggerType { get; init; }

    /// <summary>The function to call when the trigger fires.</summary>
    public required string FunctionId { get; init; }

    /// <summary>The trigger's config, one JSON value, UTF-8.</summary>
    public required ReadOnlyMemory<byte> Config { get; init; }

    /// <summary>The config as a value.</summary>
    public T? GetConfig<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Config.Span, type);
}
