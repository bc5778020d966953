using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Calls;

/// <summary>The frames of calls between instances.</summary>
internal static class CallFrames
{
    private const int Overhead = 96;

    /// <summary>A call. Its time is what is left of it, so that no clock of another instance matters.</summary>
    public static Frame Invoke(Peer peer, Guid dispatchId, FunctionPool function, in Invocation invocation, TimeSpan timeLeft)
    {
        var frame = peer.Begin(
            ClusterFrameKind.Invoke,
            Overhead + function.Id.Length + invocation.Data.Length + invocation.Metadata.Length + invocation.TraceParent.Length + invocation.Baggage.Length);
        frame.AppendGuid(dispatchId);
        frame.AppendUInt32((uint)Math.Clamp(timeLeft.TotalMilliseconds, 1, uint.MaxValue));
        frame.AppendGuid(invocation.Caller?.Guid ?? Guid.Empty);
        frame.AppendString(function.Id);
        frame.AppendText(invocation.TraceParent);
        frame.AppendText(invocation.Baggage);
        frame.AppendBlob(invocation.Metadata);
        frame.Append(invocation.Data);
        return frame.Build();
    }

    /// <summary>How a call ended.</summary>
    public static Frame Result(Peer peer, Guid dispatchId, in InvocationOutcome outcome)
    {
        var payload = outcome.IsError ? outcome.Error : outcome.Result;
        var frame = peer.Begin(ClusterFrameKind.Result, payload.Length + 24);
        frame.AppendGuid(dispatchId);
        frame.AppendByte(outcome.IsError ? (byte)1 : (byte)0);
        frame.Append(payload);
        return frame.Build();
    }

    /// <summary>A call that nobody here took, as it came, with the reason.</summary>
    public static Frame Bounce(Peer peer, DispatchResult reason, scoped ReadOnlySpan<byte> call)
    {
        var frame = peer.Begin(ClusterFrameKind.Bounce, call.Length + 1);
        frame.AppendByte((byte)reason);
        frame.Append(call);
        return frame.Build();
    }
}
