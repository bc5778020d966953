using Iii.Engine.Discovery;

namespace Iii.Engine.Invocations;

/// <summary>
/// An invocation that is under way. It ends exactly once, with its answer, its deadline, or the loss of its provider:
/// whoever takes it out of the <see cref="PendingTable"/> ends it.
/// </summary>
internal abstract class PendingInvocation
{
    private InvocationMetrics? _metrics;
    private FunctionPool? _function;
    private long _started;
    private bool _isRerouted;

    /// <summary>The function called; null when the id is not known.</summary>
    public FunctionPool? Function => _function;

    /// <summary>Who was last asked to carry it out. Set before the dispatch.</summary>
    public FunctionProvider? Provider { get; set; }

    /// <summary>The id of the dispatch, unlike any other.</summary>
    public Guid DispatchId { get; private set; }

    /// <summary>Timestamp of the deadline, on the invoker's clock.</summary>
    public long Deadline { get; private set; }

    /// <summary>How long the call was given.</summary>
    public TimeSpan Timeout { get; private set; }

    public void Begin(Guid dispatchId, FunctionPool function, InvocationMetrics metrics, long now, long deadline, TimeSpan timeout)
    {
        DispatchId = dispatchId;
        _function = function;
        _metrics = metrics;
        _started = now;
        Deadline = deadline;
        Timeout = timeout;
    }

    /// <summary>Notes that it goes to another provider, since it never reached the first.</summary>
    /// <returns>False when it has done so before.</returns>
    public bool TryReroute()
    {
        var isFirst = !_isRerouted;
        _isRerouted = true;
        return isFirst;
    }

    /// <summary>The invocation may take as long as it likes from now on: what it was called for is under way.</summary>
    protected void RemoveDeadline() => Deadline = long.MaxValue;

    /// <summary>Ends the invocation. The outcome's bytes are borrowed for the time of this call.</summary>
    public void Complete(in InvocationOutcome outcome)
    {
        if (_function is not null)
        {
            _metrics?.Ended(_function, outcome.IsError, _started);
        }

        OnCompleted(outcome);
    }

    /// <summary>Takes the outcome to whoever waits for it. Must not block: it runs on a connection's receive loop.</summary>
    protected abstract void OnCompleted(in InvocationOutcome outcome);

    /// <summary>Forgets everything, so that the object can serve another invocation.</summary>
    protected void Reset()
    {
        _function = null;
        _metrics = null;
        Provider = null;
        _isRerouted = false;
    }
}
