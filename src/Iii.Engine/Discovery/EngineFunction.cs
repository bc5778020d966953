using Iii.Engine.Invocations;
using Iii.Protocol;

namespace Iii.Engine.Discovery;

/// <summary>What a function of the engine is called with. The bytes are its own to keep.</summary>
/// <param name="FunctionId">The function called.</param>
/// <param name="Data">The input: one JSON value; empty means <c>null</c>.</param>
/// <param name="Caller">The worker that calls; null when the engine does.</param>
/// <param name="TraceParent">The caller's W3C trace context, as JSON string, or empty.</param>
/// <param name="Baggage">The caller's W3C baggage, as JSON string, or empty.</param>
internal sealed record EngineCall(
    string FunctionId, ReadOnlyMemory<byte> Data, WorkerIdentity? Caller, ReadOnlyMemory<byte> TraceParent, ReadOnlyMemory<byte> Baggage);

/// <summary>What a function of the engine answers: one JSON value, or nothing.</summary>
internal delegate ValueTask<ReadOnlyMemory<byte>> EngineFunctionHandler(EngineCall call, CancellationToken cancellation);

/// <summary>A failure that a function of the engine reports under a stable code.</summary>
internal sealed class EngineFunctionException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

/// <summary>A function that the engine itself carries out.</summary>
internal sealed class EngineFunction : FunctionProvider
{
    private readonly EngineFunctionHandler _handler;
    private readonly PendingTable _pending = new();

    public EngineFunction(EngineFunctionHandler handler, DeadlineSweeper deadlines)
    {
        _handler = handler;
        deadlines.Add(_pending);
    }

    public override int InFlight => _pending.Count;

    public override bool OpensChannels => false;

    public override DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending)
    {
        var id = pending.DispatchId;
        if (!_pending.TryAdd(pending))
        {
            return DispatchResult.Gone;
        }

        var call = new EngineCall(
            function.Id, invocation.Data.ToArray(), invocation.Caller, invocation.TraceParent.ToArray(), invocation.Baggage.ToArray());
        _ = RunAsync(id, call);
        return DispatchResult.Dispatched;
    }

    private async Task RunAsync(Guid id, EngineCall call)
    {
        try
        {
            var result = await _handler(call, CancellationToken.None);
            _pending.Take(id)?.Complete(InvocationOutcome.Success(result.Span));
        }
        catch (EngineFunctionException e)
        {
            _pending.Take(id)?.Complete(InvocationOutcome.Failure(e.Code, e.Message));
        }
        catch (Exception e)
        {
            _pending.Take(id)?.Complete(InvocationOutcome.Failure(ErrorCodes.InvocationError, $"{call.FunctionId} failed: {e.Message}"));
        }
    }
}
