using System.Threading.Tasks.Sources;

namespace Iii.Adapters.Sqlite.Storage;

/// <summary>An operation that somebody waits for.</summary>
internal abstract class Operation<T> : Operation, IValueTaskSource<T>
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int Cancelled = 2;

    private ManualResetValueTaskSourceCore<T> _source = new() { RunContinuationsAsynchronously = true };
    private int _state = Waiting;

    /// <summary>Completes when the result is on disk; to be awaited once.</summary>
    public ValueTask<T> Task => new(this, _source.Version);

    /// <summary>What <see cref="Operation.Execute"/> came to.</summary>
    protected T Result { get; set; } = default!;

    public override bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    /// <summary>
    /// Ends the waiting if the writer has not taken it up; then it is not done. If it has, the result comes with the commit that
    /// is under way: what was lent to it is in use until then.
    /// </summary>
    public void Cancel(CancellationToken cancellationToken)
    {
        if (Interlocked.CompareExchange(ref _state, Cancelled, Waiting) == Waiting)
        {
            _source.SetException(new OperationCanceledException(cancellationToken));
        }
    }

    public override void Complete() => _source.SetResult(Result);

    public override void Fail(Exception exception) => _source.SetException(exception);

    T IValueTaskSource<T>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
