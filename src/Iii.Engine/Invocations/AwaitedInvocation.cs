using System.Threading.Tasks.Sources;
using Microsoft.Extensions.ObjectPool;

namespace Iii.Engine.Invocations;

/// <summary>An invocation whose caller is a part of the engine that awaits the result.</summary>
/// <remarks>Pooled: the object goes back when its result has been taken, so the task must be awaited exactly once.</remarks>
internal sealed class AwaitedInvocation : PendingInvocation, IValueTaskSource<InvocationResult>
{
    private static readonly DefaultObjectPool<AwaitedInvocation> Pool = new(new Policy(), 1024);

    // The awaiting code runs on the thread pool, never on the receive loop of the connection that brought the answer.
    private ManualResetValueTaskSourceCore<InvocationResult> _source = new() { RunContinuationsAsynchronously = true };

    public ValueTask<InvocationResult> Task => new(this, _source.Version);

    public static AwaitedInvocation Rent() => Pool.Get();

    public InvocationResult GetResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            Pool.Return(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    protected override void OnCompleted(in InvocationOutcome outcome) => _source.SetResult(InvocationResult.CopyOf(outcome, Provider));

    private sealed class Policy : PooledObjectPolicy<AwaitedInvocation>
    {
        public override AwaitedInvocation Create() => new();

        public override bool Return(AwaitedInvocation obj)
        {
            obj.Reset();
            obj._source.Reset();
            return true;
        }
    }
}
