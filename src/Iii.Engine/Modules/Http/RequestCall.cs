using System.Threading.Tasks.Sources;
using Iii.Engine.Invocations;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// The call of a request's function. Two things can happen first: the function answers, or it opens the response channel to
/// stream. Mostly it just answers, so the first event costs no task; whoever needs more asks for one.
/// </summary>
/// <remarks>The object is its own lock, to spare a second one.</remarks>
internal sealed class RequestCall : PendingInvocation, IValueTaskSource
{
    // The request goes on on the thread pool, never on the receive loop of the connection that brought the answer.
    private ManualResetValueTaskSourceCore<bool> _first = new() { RunContinuationsAsynchronously = true };
    private InvocationResult _result;
    private TaskCompletionSource? _waiting;
    private int _isSignaled;
    private bool _hasResult;
    private bool _isAbandoned;

    /// <summary>Waits for the first event. To be awaited once.</summary>
    public ValueTask FirstEventAsync() => new(this, _first.Version);

    /// <summary>Notes that the response channel was opened.</summary>
    public void ChannelOpened() => Signal();

    /// <summary>The result, if it has come. The caller disposes it.</summary>
    public bool TryGetResult(out InvocationResult result)
    {
        lock (this)
        {
            result = _result;
            return _hasResult;
        }
    }

    /// <summary>Ends when the result has come.</summary>
    public Task ResultAsync()
    {
        lock (this)
        {
            if (_hasResult)
            {
                return Task.CompletedTask;
            }

            _waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _waiting.Task;
        }
    }

    /// <summary>The response is under way without the result: it may take its time, and is dropped when it comes.</summary>
    public void Abandon()
    {
        RemoveDeadline();
        lock (this)
        {
            _isAbandoned = true;
            if (_hasResult)
            {
                _result.Dispose();
            }
        }
    }

    public void GetResult(short token) => _first.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _first.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _first.OnCompleted(continuation, state, token, flags);

    protected override void OnCompleted(in InvocationOutcome outcome)
    {
        lock (this)
        {
            if (_isAbandoned)
            {
                return;
            }

            _result = InvocationResult.CopyOf(outcome);
            _hasResult = true;
            _waiting?.TrySetResult();
        }

        Signal();
    }

    private void Signal()
    {
        if (Interlocked.Exchange(ref _isSignaled, 1) == 0)
        {
            _first.SetResult(true);
        }
    }
}
