using System.Threading.Tasks.Sources;
using Iii.Protocol;
using Iii.Sdk.Transport;

namespace Iii.Sdk.Calls;

/// <summary>One call that waits for its answer, or for being sent. Whoever takes it out of the table ends it, once.</summary>
/// <remarks>The continuation runs on the thread pool, behind what is queued there already: see <see cref="OutboundFrames"/>.</remarks>
internal sealed class PendingCall(long number, string functionId, long deadline, bool expectsAnswer) : IValueTaskSource<ReadOnlyMemory<byte>>, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<ReadOnlyMemory<byte>> _core;
    private ReadOnlyMemory<byte> _result;
    private Exception? _error;

    public long Number => number;

    public string FunctionId => functionId;

    /// <summary>The timestamp by which it must have ended.</summary>
    public long Deadline => deadline;

    /// <summary>Whether it ends by an answer; otherwise it ends when it has been sent.</summary>
    public bool ExpectsAnswer => expectsAnswer;

    /// <summary>The link that it was sent on; null while it waits for one.</summary>
    public WebSocketLink? SentOn { get; set; }

    /// <summary>The message, kept only while it waits for a link.</summary>
    public byte[]? Unsent { get; set; }

    public ValueTask<ReadOnlyMemory<byte>> Answer => new(this, _core.Version);

    public void Succeed(ReadOnlySpan<byte> result)
    {
        // Not pooled: the caller may keep it for as long as it likes.
        _result = result.ToArray();
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void Fail(Exception error)
    {
        _error = error;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void FailRemotely(ReadOnlySpan<byte> error)
    {
        var (code, message) = ErrorBody.Read(error);
        Fail(code == ErrorCodes.InvocationTimeout
            ? new IiiTimeoutException(functionId, $"{functionId}: {message}")
            : new IiiInvocationException(functionId, code, message, error.ToArray()));
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_error is { } error)
        {
            _core.SetException(error);
        }
        else
        {
            _core.SetResult(_result);
        }
    }

    ReadOnlyMemory<byte> IValueTaskSource<ReadOnlyMemory<byte>>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<ReadOnlyMemory<byte>>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<ReadOnlyMemory<byte>>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
