using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.Http;
using Iii.Protocol;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>A function that is carried out by calling a URL.</summary>
/// <remarks>
/// Its calls are among those of the connection that registered it, so that they end with it and have their deadline like
/// every other.
/// </remarks>
internal sealed class HttpFunction(HttpInvocation invocation, HttpFunctionOwner owner, HttpCaller caller, TimeProvider time) : FunctionProvider
{
    /// <summary>Calls of one function under way at a time; one beyond it fails with <c>worker_overloaded</c>.</summary>
    public const int MaxInFlight = 1024;

    private int _inFlight;

    public override int InFlight => Volatile.Read(ref _inFlight);

    public override DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending)
    {
        if (Interlocked.Increment(ref _inFlight) > MaxInFlight)
        {
            Interlocked.Decrement(ref _inFlight);
            return DispatchResult.Full;
        }

        // Read before the entry is there: from then on, whoever ends it may give the object to another invocation.
        var call = new HttpCall(
            function.Id, pending.DispatchId, Input(invocation), TraceParent(invocation.TraceParent), Baggage(invocation.Baggage));
        var patience = pending.Timeout;
        if (!owner.Pending.TryAdd(pending))
        {
            Interlocked.Decrement(ref _inFlight);
            return DispatchResult.Gone;
        }

        // Signing and connecting are not for the receive loop that brought the call.
        _ = Task.Run(() => RunAsync(call, patience));
        return DispatchResult.Dispatched;
    }

    private async Task RunAsync(HttpCall call, TimeSpan patience)
    {
        // The caller's own deadline is not this one's to announce: the sweeper ends the call, and here the request.
        var isOwnTimeout = invocation.Timeout < patience;
        using var deadline = new CancellationTokenSource(isOwnTimeout ? invocation.Timeout : patience, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, owner.Lost);
        try
        {
            var answer = await caller.CallAsync(invocation, call, stop.Token);
            owner.Pending.Take(call.InvocationId)?.Complete(answer.Outcome);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            if (isOwnTimeout && !owner.Lost.IsCancellationRequested)
            {
                owner.Pending.Take(call.InvocationId)?.Complete(InvocationOutcome.Failure(
                    HttpFunctionErrorCodes.RequestFailed,
                    $"{invocation.Url.IdnHost} did not answer within {invocation.Timeout.TotalMilliseconds:0} ms"));
            }
        }
        catch (Exception e)
        {
            owner.Pending.Take(call.InvocationId)?.Complete(InvocationOutcome.Failure(HttpFunctionErrorCodes.RequestFailed, e.Message));
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private static byte[] Input(in Invocation invocation)
    {
        var input = new FrameBuilder(invocation.Data.Length + 64);
        CallInput.AppendTo(ref input, invocation.Data, invocation.Caller is { } worker ? worker.Json : default);
        var frame = input.Build();
        var bytes = frame.Span.ToArray();
        frame.Return();
        return bytes;
    }

    private static string? TraceParent(ReadOnlySpan<byte> json) =>
        new JsonSlice(json).GetString() is { } text && TraceContext.IsTraceParent(text) ? text : null;

    private static string? Baggage(ReadOnlySpan<byte> json) =>
        new JsonSlice(json).GetString() is { } text && TraceContext.IsBaggage(text) ? text : null;
}
