using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Invocations;

/// <summary>
/// The one door for work: resolves the function, gives the call its deadline, picks a provider, dispatches, and sees to it
/// that the call ends. Whatever causes work (a worker, an HTTP request, a trigger) comes through here.
/// </summary>
internal sealed class FunctionInvoker(
    FunctionDirectory functions, DeadlineSweeper deadlines, InvocationMetrics metrics, TimeProvider time, TimeSpan ceiling)
{
    /// <summary>Invokes and awaits the outcome. Expected failure is a value; await the task exactly once and dispose the result.</summary>
    /// <remarks>The invocation's bytes must stay valid until this method returns; they may change while the task is awaited.</remarks>
    public ValueTask<InvocationResult> InvokeAsync(in Invocation invocation)
    {
        var pending = AwaitedInvocation.Rent();
        var task = pending.Task;
        Invoke(invocation, pending);
        return task;
    }

    /// <summary>Invokes without waiting for the outcome.</summary>
    public void Post(in Invocation invocation) => Invoke(invocation, new DiscardedInvocation());

    /// <summary>Invokes; <paramref name="pending"/> is completed exactly once, maybe before this method returns.</summary>
    public void Invoke(in Invocation invocation, PendingInvocation pending)
    {
        var function = functions.Find(invocation.FunctionId);
        var providers = function?.Registrations ?? [];
        if (providers.Length == 0)
        {
            pending.Complete(NotFound(invocation.FunctionId));
            return;
        }

        var now = time.GetTimestamp();
        var timeout = invocation.Timeout > TimeSpan.Zero ? invocation.Timeout : ceiling;
        pending.Begin(
            DispatchIds.Next(), function!, metrics, now, now + (long)(timeout.TotalSeconds * time.TimestampFrequency), timeout);

        var first = LoadBalancer.Pick(providers);
        var isFull = false;
        for (var i = 0; i < providers.Length; i++)
        {
            // A dispatch that was refused never left, so the next provider may have it.
            switch (providers[(first + i) % providers.Length].Provider.Dispatch(function!, invocation, pending))
            {
                case DispatchResult.Dispatched:
                    deadlines.Wake();
                    return;
                case DispatchResult.Full:
                    isFull = true;
                    break;
                case DispatchResult.Gone:
                    break;
                default:
                    throw new InvalidOperationException("unknown dispatch result");
            }
        }

        pending.Complete(isFull
            ? InvocationOutcome.Failure(
                ErrorCodes.WorkerOverloaded,
                $"Every worker that provides {invocation.FunctionId} has its outbound queue full; try again later")
            : NotFound(invocation.FunctionId));
    }

    private static InvocationOutcome NotFound(string functionId) =>
        InvocationOutcome.Failure(ErrorCodes.FunctionNotFound, $"Function {functionId} not found");
}
