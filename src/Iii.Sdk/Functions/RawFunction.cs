namespace Iii.Sdk.Functions;

/// <summary>A function of JSON that nobody decodes.</summary>
internal sealed class RawFunction(string id, bool runsInline, RawFunctionHandler handler) : Function(id, runsInline)
{
    public override ValueTask RunAsync(InboundCall call)
    {
        var running = handler(call.Data, call.Context, call.Cancellation);
        if (running.IsCompletedSuccessfully)
        {
            call.Answer(running.Result.Span);
            return default;
        }

        return AwaitAsync(running, call);
    }

    private static async ValueTask AwaitAsync(ValueTask<ReadOnlyMemory<byte>> running, InboundCall call) =>
        call.Answer((await running.ConfigureAwait(false)).Span);
}
