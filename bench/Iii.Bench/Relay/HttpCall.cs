using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using Iii.Bench.Wire;

namespace Iii.Bench.Relay;

/// <summary>A pooled wait for one reply. The waiter continues on the thread pool, never on the receive loop.</summary>
internal sealed class HttpCall : IReplyTaker, IValueTaskSource<HttpReply>
{
    private static readonly ConcurrentQueue<HttpCall> Pool = new();
    private ManualResetValueTaskSourceCore<HttpReply> _source = new() { RunContinuationsAsynchronously = true };

    private HttpCall()
    {
    }

    public ValueTask<HttpReply> Reply => new(this, _source.Version);

    public static HttpCall Rent() => Pool.TryDequeue(out var call) ? call : new HttpCall();

    public void Take(Message message, in Envelope envelope) =>
        _source.SetResult(new HttpReply(message, envelope.Result, !envelope.Error.IsEmpty));

    public HttpReply GetResult(short token)
    {
        var reply = _source.GetResult(token);
        _source.Reset();
        Pool.Enqueue(this);
        return reply;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
