using Iii.Protocol;
using Iii.Sdk.Transport;

namespace Iii.Sdk.Calls;

/// <summary>One call that waits for its answer, or for being sent. Whoever takes it out of the table ends it, once.</summary>
/// <remarks>The continuation runs on the thread pool, never where the call is ended.</remarks>
internal abstract class PendingCall(string functionId) : IThreadPoolWorkItem
{
    private byte[] _result = [];
    private Exception? _error;

    /// <summary>Drawn by the table.</summary>
    public long Number { get; set; }

    public string FunctionId => functionId;

    /// <summary>The timestamp by which it must have ended.</summary>
    public long Deadline { get; set; }

    /// <summary>Whether it ends by an answer; otherwise it ends when it has been sent.</summary>
    public bool ExpectsAnswer { get; init; } = true;

    /// <summary>The link that it was sent on; null while it waits for one.</summary>
    public WebSocketLink? SentOn { get; set; }

    /// <summary>The message, kept only while it waits for a link.</summary>
    public byte[]? Unsent { get; set; }

    /// <summary>Ends a call that nobody answers.</summary>
    public void Succeed() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    public void Succeed(ReadOnlySpan<byte> result, WorkBatch work)
    {
        // Not pooled: the caller may keep it for as long as it likes.
        _result = result.ToArray();
        work.Add(this);
    }

    public void Fail(Exception error)
    {
        _error = error;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void FailRemotely(ReadOnlySpan<byte> error, WorkBatch work)
    {
        var (code, message) = ErrorBody.Read(error);
        _error = code == ErrorCodes.InvocationTimeout
            ? new IiiTimeoutException(functionId, $"{functionId}: {message}")
            : new IiiInvocationException(functionId, code, message, error.ToArray());
        work.Add(this);
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_error is { } error)
        {
            End(error);
        }
        else
        {
            End(_result);
        }
    }

    /// <summary>Hands the result to the caller, whose continuation runs in here.</summary>
    protected abstract void End(byte[] result);

    /// <summary>Hands the error to the caller, whose continuation runs in here.</summary>
    protected abstract void End(Exception error);
}
