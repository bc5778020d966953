using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.Extensions.ObjectPool;

namespace Iii.Engine.Gateways;

/// <summary>An invocation that a worker asked for over its socket, under an id of its own choice.</summary>
/// <remarks>Pooled: it goes back when the answer has been queued to the caller.</remarks>
internal sealed class WorkerInvocation : PendingInvocation
{
    private static readonly DefaultObjectPool<WorkerInvocation> Pool = new(new Policy(), 4096);

    private WorkerConnection _caller = null!;
    private string _functionId = null!;
    private Guid _callerId;
    private byte[]? _opaqueCallerId;
    private byte[] _traceParent = [];
    private byte[] _baggage = [];

    /// <summary>Takes note of whom to answer, and how.</summary>
    /// <param name="caller">The calling worker.</param>
    /// <param name="functionId">The function called.</param>
    /// <param name="invocationId">
    /// The caller's id: a UUID is echoed in lower case with hyphens (protocol §2.10), any other string as it came.
    /// </param>
    /// <param name="traceParent">The caller's trace context, which is echoed; a string, or absent.</param>
    /// <param name="baggage">The caller's baggage, which is echoed; a string, or absent.</param>
    public static WorkerInvocation Rent(
        WorkerConnection caller, string functionId, JsonSlice invocationId, JsonSlice traceParent, JsonSlice baggage)
    {
        var invocation = Pool.Get();
        invocation._caller = caller;
        invocation._functionId = functionId;
        invocation._opaqueCallerId = invocationId.TryGetGuid(out invocation._callerId) ? null : invocationId.Raw.ToArray();
        invocation._traceParent = traceParent.Raw.ToArray();
        invocation._baggage = baggage.Raw.ToArray();
        caller.CallStarted();
        return invocation;
    }

    protected override void OnCompleted(in InvocationOutcome outcome)
    {
        Span<byte> uuid = stackalloc byte[38];
        scoped ReadOnlySpan<byte> callerId = _opaqueCallerId;
        if (_opaqueCallerId is null)
        {
            uuid[0] = uuid[37] = (byte)'"';
            _callerId.TryFormat(uuid[1..], out _);
            callerId = uuid;
        }

        var functionId = Function is { } function ? function.IdJson : EncodedFunctionId();
        _caller.Send(Frames.InvocationResult(callerId, functionId, outcome.Result, outcome.Error, _traceParent, _baggage));
        _caller.CallEnded();
        Pool.Return(this);
    }

    private ReadOnlySpan<byte> EncodedFunctionId()
    {
        var id = new FrameBuilder(64 + _functionId.Length);
        id.AppendText(_functionId);
        return id.ToArray();
    }

    private sealed class Policy : PooledObjectPolicy<WorkerInvocation>
    {
        public override WorkerInvocation Create() => new();

        public override bool Return(WorkerInvocation obj)
        {
            obj.Reset();
            obj._caller = null!;
            obj._opaqueCallerId = null;
            obj._functionId = null!;
            obj._traceParent = [];
            obj._baggage = [];
            return true;
        }
    }
}
