using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Iii.Protocol;

namespace Iii.Sdk.Functions;

/// <summary>A function of typed input and result.</summary>
internal sealed class TypedFunction<TIn, TOut>(
    string id,
    bool runsInline,
    Func<TIn, InvocationContext, CancellationToken, ValueTask<TOut>> handler,
    JsonTypeInfo<TIn> inputType,
    JsonTypeInfo<TOut> resultType) : Function(id, runsInline)
{
    public override ValueTask RunAsync(InboundCall call)
    {
        var running = handler(Decode(call), call.Context, call.Cancellation);
        if (running.IsCompletedSuccessfully)
        {
            call.Answer(running.Result, resultType);
            return default;
        }

        return AwaitAsync(running, call);
    }

    private async ValueTask AwaitAsync(ValueTask<TOut> running, InboundCall call) =>
        call.Answer(await running.ConfigureAwait(false), resultType);

    private TIn Decode(InboundCall call)
    {
        try
        {
            return JsonSerializer.Deserialize(call.Data.Span, inputType)!;
        }
        catch (JsonException e)
        {
            throw new IiiFunctionException(ErrorCodes.DeserializationError, $"The input of {Id} is not a {typeof(TIn).Name}: {e.Message}", e);
        }
    }
}
