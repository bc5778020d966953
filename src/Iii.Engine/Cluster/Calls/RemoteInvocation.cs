using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Invocations;
using Microsoft.Extensions.ObjectPool;

namespace Iii.Engine.Cluster.Calls;

/// <summary>An invocation that another instance asked for. Pooled: it goes back when the answer is on its way.</summary>
internal sealed class RemoteInvocation : PendingInvocation
{
    private static readonly DefaultObjectPool<RemoteInvocation> Pool = new(new Policy(), 4096);

    private Peer _caller = null!;
    private Guid _callerId;

    /// <summary>Takes note of whom to answer.</summary>
    /// <param name="caller">The instance.</param>
    /// <param name="callerId">The id under which it waits.</param>
    public static RemoteInvocation Rent(Peer caller, Guid callerId)
    {
        var invocation = Pool.Get();
        (invocation._caller, invocation._callerId) = (caller, callerId);
        return invocation;
    }

    /// <summary>Gives it back unused: nobody took the call.</summary>
    public void Return() => Pool.Return(this);

    protected override void OnCompleted(in InvocationOutcome outcome)
    {
        // A caller that has gone away, or cannot be reached, has ended the call itself.
        _caller.Post(CallFrames.Result(_caller, _callerId, outcome), isAnswer: true);
        Pool.Return(this);
    }

    private sealed class Policy : PooledObjectPolicy<RemoteInvocation>
    {
        public override RemoteInvocation Create() => new();

        public override bool Return(RemoteInvocation obj)
        {
            obj.Reset();
            obj._caller = null!;
            return true;
        }
    }
}
