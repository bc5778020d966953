using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Invocations;

/// <summary>
/// The one door for work: resolves the function, gives the call its deadline, picks a provider, dispatches, and sees to it
/// that the call ends. Whatever causes work (a worker, an HTTP request, a trigger, another instance) comes through here.
/// </summary>
/// <remarks>
/// Providers of this instance are tried first; those of other instances get what these have no room for. A dispatch that never left
/// may go to another provider; one that may have arrived is never repeated.
/// </remarks>
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
        if (functions.Find(invocation.FunctionId) is not { Providers.All.IsEmpty: false } function)
        {
            pending.Complete(NotFound(invocation.FunctionId));
            return;
        }

        Begin(function, invocation, pending);
        var providers = function.Providers;
        var result = Dispatch(function, providers.Local, invocation, pending);
        if (result != DispatchResult.Dispatched && !providers.Remote.IsEmpty)
        {
            result = Worse(result, Dispatch(function, providers.Remote, invocation, pending));
        }

        if (result != DispatchResult.Dispatched)
        {
            pending.Complete(Refused(result, invocation.FunctionId));
        }
    }

    /// <summary>
    /// Invokes what another instance asked for: here or not at all, since the door there has chosen this instance.
    /// </summary>
    /// <returns>
    /// <see cref="DispatchResult.Dispatched"/> when <paramref name="pending"/> is, or will be, completed; otherwise why nobody here took
    /// the invocation.
    /// </returns>
    public DispatchResult TryInvokeHere(FunctionPool? function, in Invocation invocation, PendingInvocation pending)
    {
        if (function?.Providers is not { LocalCount: > 0 } providers)
        {
            return DispatchResult.Gone;
        }

        Begin(function, invocation, pending);
        return Dispatch(function, providers.Local, invocation, pending);
    }

    /// <summary>
    /// Invokes once more what never reached the instance that it was sent to, somewhere else. That happens once for each invocation; the
    /// second time it fails.
    /// </summary>
    /// <param name="invocation">As it was dispatched before.</param>
    /// <param name="pending">Taken out of the table it was in.</param>
    /// <param name="avoided">The instance that did not take it.</param>
    /// <param name="refusal">Why it did not.</param>
    public void Reroute(in Invocation invocation, PendingInvocation pending, object avoided, DispatchResult refusal)
    {
        var function = functions.Find(invocation.FunctionId) ?? pending.Function!;
        var result = refusal;
        if (pending.TryReroute())
        {
            var providers = function.Providers;
            var here = Dispatch(function, providers.Local, invocation, pending);
            result = here == DispatchResult.Dispatched ? here : Worse(refusal, here);
            FunctionRegistration[] elsewhere = [];
            foreach (var registration in providers.Remote)
            {
                elsewhere = ReferenceEquals(registration.Provider.Instance, avoided) ? elsewhere : [.. elsewhere, registration];
            }

            if (result != DispatchResult.Dispatched && elsewhere.Length > 0)
            {
                result = Worse(result, Dispatch(function, elsewhere, invocation, pending));
            }
        }

        if (result != DispatchResult.Dispatched)
        {
            pending.Complete(Refused(result, invocation.FunctionId));
        }
    }

    private void Begin(FunctionPool function, in Invocation invocation, PendingInvocation pending)
    {
        var now = time.GetTimestamp();
        var timeout = invocation.Timeout > TimeSpan.Zero ? invocation.Timeout : ceiling;
        pending.Begin(
            DispatchIds.Next(), function, metrics, now, now + (long)(timeout.TotalSeconds * time.TimestampFrequency), timeout);
    }

    private DispatchResult Dispatch(
        FunctionPool function, ReadOnlySpan<FunctionRegistration> providers, in Invocation invocation, PendingInvocation pending)
    {
        var worst = DispatchResult.Gone;
        if (providers.IsEmpty)
        {
            return worst;
        }

        var first = LoadBalancer.Pick(providers);
        for (var i = 0; i < providers.Length; i++)
        {
            // A dispatch that was refused never left, so the next provider may have it. One that was not may have ended already.
            var provider = providers[(first + i) % providers.Length].Provider;
            pending.Provider = provider;
            var result = provider.Dispatch(function, invocation, pending);
            if (result == DispatchResult.Dispatched)
            {
                deadlines.Wake();
                return result;
            }

            worst = Worse(worst, result);
        }

        return worst;
    }

    /// <summary>Of two refusals the one that says more: that somebody has the function, but no room for the call or no way to it.</summary>
    private static DispatchResult Worse(DispatchResult one, DispatchResult other) =>
        one == DispatchResult.Dispatched || other == DispatchResult.Dispatched ? DispatchResult.Dispatched
            : one == DispatchResult.Full || other == DispatchResult.Full ? DispatchResult.Full
            : one == DispatchResult.Unreachable || other == DispatchResult.Unreachable ? DispatchResult.Unreachable
            : DispatchResult.Gone;

    private static InvocationOutcome Refused(DispatchResult result, string functionId) => result switch
    {
        DispatchResult.Full => InvocationOutcome.Refusal(
            ErrorCodes.WorkerOverloaded, $"Every worker that provides {functionId} has its outbound queue full; try again later"),
        DispatchResult.Unreachable => InvocationOutcome.Refusal(
            ErrorCodes.BrokerUnavailable,
            $"{functionId} is provided by other instances only, and the broker between them cannot be reached; try again later"),
        DispatchResult.Gone => NotFound(functionId),
        _ => throw new InvalidOperationException($"{result} is no refusal"),
    };

    private static InvocationOutcome NotFound(string functionId) =>
        InvocationOutcome.Refusal(ErrorCodes.FunctionNotFound, $"Function {functionId} not found");
}
