namespace Iii.Engine.Invocations;

/// <summary>A fire-and-forget invocation: nobody waits for its outcome (protocol §3.3).</summary>
internal sealed class DiscardedInvocation : PendingInvocation
{
    protected override void OnCompleted(in InvocationOutcome outcome)
    {
        // The outcome has been counted; there is nobody to tell.
    }
}
