using Iii.Engine.Invocations;

namespace Iii.Engine.Discovery;

/// <summary>What became of a dispatch.</summary>
internal enum DispatchResult
{
    /// <summary>The provider has the invocation, and will end it.</summary>
    Dispatched,

    /// <summary>The provider is gone; the invocation never left.</summary>
    Gone,

    /// <summary>The provider can take no more now; the invocation never left.</summary>
    Full,

    /// <summary>The provider is on another instance, which cannot be reached now; the invocation never left.</summary>
    Unreachable,
}

/// <summary>Something that carries out functions: a worker connected here, the engine itself, another instance.</summary>
internal abstract class FunctionProvider
{
    /// <summary>Invocations under way; what the load balancer looks at.</summary>
    public abstract int InFlight { get; }

    /// <summary>Whether the functions there may open the channels in their input; if not, their answer is final as it comes.</summary>
    public virtual bool OpensChannels => true;

    /// <summary>The instance where it is; null for this one. Providers of this instance are tried first.</summary>
    public virtual object? Instance => null;

    /// <summary>Who carries the functions out, for people; null when that is no worker, or one of several.</summary>
    public virtual string? WorkerLabel => null;

    /// <summary>How many workers it stands for.</summary>
    public virtual int WorkerCount => 1;

    /// <summary>Hands an invocation over. Never blocks; the invocation's bytes are borrowed for the time of this call.</summary>
    public abstract DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending);
}
