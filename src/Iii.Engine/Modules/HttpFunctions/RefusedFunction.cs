using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Protocol;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>
/// Stands for a registration that makes no sense: every call fails with the reason. The protocol has no message that would
/// tell the worker, and without this its callers would be told that there is no such function.
/// </summary>
internal sealed class RefusedFunction(HttpFunctionProblem problem) : FunctionProvider
{
    /// <summary>More than any provider can have, so that the balancer prefers one that works.</summary>
    public override int InFlight => int.MaxValue;

    /// <summary>The reason as error object, for lists.</summary>
    public byte[] ErrorJson { get; } = ErrorBody.Write(problem.Code, problem.Message);

    public override DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending)
    {
        pending.Complete(InvocationOutcome.Failure(ErrorJson));
        return DispatchResult.Dispatched;
    }
}
