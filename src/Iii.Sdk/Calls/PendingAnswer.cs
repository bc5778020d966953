using System.Threading.Tasks.Sources;

namespace Iii.Sdk.Calls;

/// <summary>A call whose caller awaits an answer of this type.</summary>
internal abstract class PendingAnswer<TOut>(string functionId) : PendingCall(functionId), IValueTaskSource<TOut>
{
    private ManualResetValueTaskSourceCore<TOut> _core;

    public ValueTask<TOut> Answer => new(this, _core.Version);

    /// <summary>Makes the answer of the result's bytes, which are its own; none for no result.</summary>
    protected abstract TOut Read(byte[] result);

    protected sealed override void End(byte[] result)
    {
        TOut answer;
        try
        {
            answer = Read(result);
        }
        catch (Exception e)
        {
            _core.SetException(e);
            return;
        }

        _core.SetResult(answer);
    }

    protected sealed override void End(Exception error) => _core.SetException(error);

    TOut IValueTaskSource<TOut>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<TOut>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<TOut>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
