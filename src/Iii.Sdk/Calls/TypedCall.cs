using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Iii.Sdk.Calls;

/// <summary>A call of typed result; no result is the default value.</summary>
internal sealed class TypedCall<TOut>(string functionId, JsonTypeInfo<TOut> type) : PendingAnswer<TOut>(functionId)
{
    protected override TOut Read(byte[] result)
    {
        if (result.Length == 0)
        {
            return default!;
        }

        try
        {
            return JsonSerializer.Deserialize(result, type)!;
        }
        catch (JsonException e)
        {
            throw new JsonException($"The result of {FunctionId} is not a {typeof(TOut).Name}: {e.Message}", e);
        }
    }
}
