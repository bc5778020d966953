using Iii.Engine.Cluster.Calls;
using Iii.Engine.Cluster.Membership;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;

namespace Iii.Engine.Cluster.Copies;

/// <summary>A function that workers of another instance provide. One object for all of them: which one carries a call out is decided there.</summary>
internal sealed class RemoteFunction(Member member, RemoteCalls calls) : FunctionProvider, IFunctionOwner
{
    private RemoteWorker[] _workers = [];

    /// <summary>The workers that provide it, in the order in which their registrations were learnt of.</summary>
    public RemoteWorker[] Workers
    {
        get => Volatile.Read(ref _workers);
        set => Volatile.Write(ref _workers, value);
    }

    public override object? Instance => member;

    public override int WorkerCount => Workers.Length;

    /// <summary>What this instance has there, per worker; a silent instance looks as full as can be.</summary>
    public override int InFlight => member.IsSuspect ? int.MaxValue : member.Pending.Count / Math.Max(1, Workers.Length);

    public override bool OpensChannels => Array.Exists(Workers, static worker => worker.Entry?.Metadata.KnowsChannels != false);

    public string? WorkerName => Workers is [.., var newest] ? newest.Entry?.Metadata.Name : null;

    public override string? WorkerLabel => Workers is [var only] ? only.Entry?.Metadata.LabelOf(only.WorkerId) : null;

    public override DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending) =>
        calls.Dispatch(member, function, invocation, pending);
}
