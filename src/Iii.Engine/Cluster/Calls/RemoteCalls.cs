using System.Text;
using Iii.Engine.Cluster.Copies;
using Iii.Engine.Cluster.Membership;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Cluster.Calls;

/// <summary>Calls between instances: those that go out, and those that come in.</summary>
/// <remarks>
/// A call that goes out stands in the table of the member that works on it before its frame leaves, and is ended by the answer, by its
/// deadline, or by the loss of the member. A frame that certainly did not arrive is sent elsewhere, once.
/// </remarks>
internal sealed class RemoteCalls(
    FunctionDirectory functions, DeadlineSweeper deadlines, ClusterMetrics metrics, TimeProvider time, ILogger logger) : IOutboxObserver
{
    /// <summary>The longest function id that is looked up without making a string of it, in characters.</summary>
    private const int StackIdLength = 256;

    private FunctionInvoker _invoker = null!;
    private RemoteWorkerDirectory _workers = null!;
    private ClusterMembership _membership = null!;

    /// <summary>The rest of what it works with; called once, before the first frame.</summary>
    public void Connect(FunctionInvoker invoker, RemoteWorkerDirectory workers, ClusterMembership membership) =>
        (_invoker, _workers, _membership) = (invoker, workers, membership);

    /// <summary>Looks after the deadlines of what a member will work on.</summary>
    public void Watch(Member member) => deadlines.Add(member.Pending);

    /// <summary>Looks after a member no more.</summary>
    public void Forget(Member member) => deadlines.Remove(member.Pending);

    /// <summary>Hands an invocation to a member.</summary>
    public DispatchResult Dispatch(Member member, FunctionPool function, in Invocation invocation, PendingInvocation pending)
    {
        if (!_membership.IsHealthy)
        {
            return DispatchResult.Unreachable;
        }

        if (member.IsGone)
        {
            return DispatchResult.Gone;
        }

        var id = pending.DispatchId;
        var frame = CallFrames.Invoke(member.Peer, id, function, invocation, TimeLeft(pending));
        if (!member.Pending.TryAdd(pending))
        {
            frame.Return();
            return DispatchResult.Gone;
        }

        metrics.CallSent();
        if (frame.Length > PeerOutbox.MaxFrameBytes)
        {
            _ = SendAsync(member.Peer, frame);
            return DispatchResult.Dispatched;
        }

        if (member.Peer.TryEnqueue(frame))
        {
            return DispatchResult.Dispatched;
        }

        frame.Return();

        // Not there: the loss of the member took it out in between, and has ended the invocation.
        return member.Pending.Take(id) is null ? DispatchResult.Dispatched : DispatchResult.Full;
    }

    /// <summary>A frame did not arrive. A call goes elsewhere, once; whoever waits for an answer is lost, or finds out itself.</summary>
    public void Undelivered(Peer peer, ReadOnlySpan<byte> frame, SendOutcome outcome)
    {
        if (!ClusterFrameReader.TryBegin(frame, out var kind, out _, out var reader))
        {
            return;
        }

        var member = _membership.FindAnswering(peer.Id);
        if (kind == ClusterFrameKind.Invoke && member?.Pending.Take(ClusterFrameReader.Of(reader.Rest).ReadGuid()) is { } pending)
        {
            // Taken out before the member is given up, which ends all that is in the table.
            Reroute(member, pending, reader.Rest, ToResult(outcome));
        }
        else if (kind == ClusterFrameKind.Result && outcome == SendOutcome.Full)
        {
            logger.AnswerLost(peer.Id, outcome);
        }

        if (outcome == SendOutcome.NobodyListens && member is not null)
        {
            _membership.NobodyListensSoon(member);
        }
    }

    /// <summary>A member is lost, or may have lost something: what it works on ends.</summary>
    public static void Stop(Member member, string reason)
    {
        var stopped = member.IsGone ? member.Pending.Close() : member.Pending.TakeAll();
        foreach (var pending in stopped)
        {
            pending.Complete(InvocationOutcome.Failure(ErrorCodes.InvocationStopped, $"Invocation stopped: {reason}"));
        }
    }

    /// <summary>The bus is gone: no answer can come.</summary>
    public static void BusGone(Member member)
    {
        foreach (var pending in member.Pending.TakeAll())
        {
            pending.Complete(InvocationOutcome.Failure(
                ErrorCodes.InvocationStopped, "Invocation stopped: the broker between the instances was lost; the function may have run"));
        }
    }

    /// <summary>An instance asks for a call.</summary>
    /// <exception cref="FormatException">The frame is not what it says it is.</exception>
    public void Invoke(Peer sender, ClusterFrameReader reader)
    {
        var call = reader.Rest;
        var callerId = reader.ReadGuid();
        var timeLeft = TimeSpan.FromMilliseconds(reader.ReadUInt32());
        var worker = reader.ReadGuid();
        var functionId = reader.ReadText();
        var function = Find(functionId);
        var invocation = new Invocation
        {
            FunctionId = function?.Id ?? string.Empty,
            TraceParent = reader.ReadText(),
            Baggage = reader.ReadText(),
            Metadata = reader.ReadBlob(),
            Data = reader.Rest,
            Caller = worker == Guid.Empty ? null : _workers.IdentityOf(worker) ?? new WorkerIdentity(worker),
            Timeout = timeLeft,
        };
        var pending = RemoteInvocation.Rent(sender, callerId);
        var result = _invoker.TryInvokeHere(function, invocation, pending);
        if (result != DispatchResult.Dispatched)
        {
            pending.Return();
            sender.Post(CallFrames.Bounce(sender, result, call), isAnswer: true);
        }
    }

    /// <summary>A member answers.</summary>
    /// <exception cref="FormatException">The frame is not what it says it is.</exception>
    public static void Result(PendingTable pendings, ClusterFrameReader reader)
    {
        var id = reader.ReadGuid();
        var isError = reader.ReadByte() != 0;
        if (pendings.Take(id) is { } pending)
        {
            pending.Complete(isError ? InvocationOutcome.Failure(reader.Rest) : InvocationOutcome.Success(reader.Rest));
        }
    }

    /// <summary>A member gives a call back.</summary>
    /// <exception cref="FormatException">The frame is not what it says it is.</exception>
    public void Bounced(Member member, ClusterFrameReader reader)
    {
        var reason = (DispatchResult)reader.ReadByte();
        var id = ClusterFrameReader.Of(reader.Rest).ReadGuid();
        if (member.Pending.Take(id) is { } pending)
        {
            Reroute(member, pending, reader.Rest, reason == DispatchResult.Full ? DispatchResult.Full : DispatchResult.Gone);
        }
    }

    private static DispatchResult ToResult(SendOutcome outcome) => outcome switch
    {
        SendOutcome.NobodyListens => DispatchResult.Gone,
        SendOutcome.Full or SendOutcome.Stalled => DispatchResult.Full,
        SendOutcome.Unavailable => DispatchResult.Unreachable,
        _ => throw new InvalidOperationException($"{outcome} is no refusal"),
    };

    private async Task SendAsync(Peer peer, Frame frame)
    {
        var outcome = await peer.SendAsync(frame.Memory);
        if (outcome != SendOutcome.Sent)
        {
            Undelivered(peer, frame.Span, outcome);
        }

        frame.Return();
    }

    private void Reroute(Member member, PendingInvocation pending, ReadOnlySpan<byte> call, DispatchResult refusal)
    {
        var reader = ClusterFrameReader.Of(call);
        reader.ReadGuid();
        reader.ReadUInt32();
        var worker = reader.ReadGuid();
        var invocation = new Invocation
        {
            FunctionId = reader.ReadString(),
            TraceParent = reader.ReadText(),
            Baggage = reader.ReadText(),
            Metadata = reader.ReadBlob(),
            Data = reader.Rest,
            Caller = worker == Guid.Empty ? null : new WorkerIdentity(worker),
        };
        _invoker.Reroute(invocation, pending, member, refusal);
    }

    private FunctionPool? Find(ReadOnlySpan<byte> functionId)
    {
        if (functionId.Length > StackIdLength)
        {
            return functions.Find(Encoding.UTF8.GetString(functionId));
        }

        Span<char> characters = stackalloc char[StackIdLength];
        return functions.Find(characters[..Encoding.UTF8.GetChars(functionId, characters)]);
    }

    private TimeSpan TimeLeft(PendingInvocation pending) => time.GetElapsedTime(time.GetTimestamp(), pending.Deadline);
}
