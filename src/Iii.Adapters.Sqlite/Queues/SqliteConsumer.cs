using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>One consumer of a group. What changes is the writer's; its deliveries run on the thread pool.</summary>
internal sealed class SqliteConsumer : IAsyncDisposable
{
    /// <summary>
    /// How long dispose waits for the file, once before the handlers have ended and once after: a full disk must not keep a process
    /// from ending.
    /// </summary>
    private static readonly TimeSpan GiveBackTimeout = TimeSpan.FromSeconds(5);

    private readonly QueueStore _store;
    private readonly Writer _writer;
    private readonly Action<SqliteConsumer> _disposed;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<Task> _dispose;
    private volatile bool _isStopping;

    /// <summary>Handlers that run, and one more for as long as others may be started.</summary>
    private int _handling = 1;

    public SqliteConsumer(
        QueueStore store, Writer writer, QueueSubscription subscription, QueueHandler handler, Action<SqliteConsumer> disposed)
    {
        (_store, _writer, Subscription, Handler, _disposed) = (store, writer, subscription, handler, disposed);
        _dispose = new Lazy<Task>(DrainAsync);
    }

    public QueueSubscription Subscription { get; }

    public QueueHandler Handler { get; }

    /// <summary>Null until it has joined one.</summary>
    public StoredGroup? Group { get; set; }

    /// <summary>How many messages it has.</summary>
    public int Running { get; set; }

    /// <summary>Whether it can take another message now.</summary>
    public bool IsFree => !_isStopping && Running < Subscription.Concurrency;

    /// <summary>Hands in the verdict of a delivery: at most <see cref="QueueSubscription.Concurrency"/> wait.</summary>
    public void Owe(SqliteDelivery delivery) => _writer.Owe(delivery);

    /// <summary>Calls the handler, on the thread pool.</summary>
    public void Handle(SqliteDelivery delivery)
    {
        Interlocked.Increment(ref _handling);
        ThreadPool.UnsafeQueueUserWorkItem(delivery, preferLocal: false);
    }

    /// <summary>A handler has ended, and its verdict, if it counts, is handed in. On any thread.</summary>
    public void HandlerEnded()
    {
        if (Interlocked.Decrement(ref _handling) == 0)
        {
            _idle.TrySetResult();
        }
    }

    public void SignalIfDrained()
    {
        if (_isStopping && Running == 0)
        {
            _drained.TrySetResult();
        }
    }

    /// <summary>The file is closed: nothing will be carried out any more.</summary>
    public void Break()
    {
        _idle.TrySetResult();
        _drained.TrySetResult();
    }

    public ValueTask DisposeAsync() => new(_dispose.Value);

    private async Task DrainAsync()
    {
        _isStopping = true;
        var stopping = OweAsync(Stop).WaitAsync(GiveBackTimeout, _store.Time);
        if (!await EndsAsync(stopping).ConfigureAwait(false) && stopping.Exception?.InnerException is BrokerException)
        {
            Break(); // The file is closed already. Its next process finds what this consumer had.
        }

        HandlerEnded();
        var isIdle = await EndsAsync(_idle.Task.WaitAsync(Subscription.DrainTimeout, _store.Time)).ConfigureAwait(false);

        // What the file does not take in time is delivered again when it is opened the next time, unless there is room before that.
        using var patience = new CancellationTokenSource(GiveBackTimeout, _store.Time);
        if (!isIdle)
        {
            await EndsAsync(GiveUpOnRunningAsync().WaitAsync(patience.Token)).ConfigureAwait(false);
        }

        await EndsAsync(_drained.Task.WaitAsync(patience.Token)).ConfigureAwait(false);
        await EndsAsync(OweAsync(Leave).WaitAsync(patience.Token)).ConfigureAwait(false);
        _disposed(this);
    }

    /// <summary>What still runs: its verdict counts no more, its handler is told, and then its message is given back.</summary>
    private async Task GiveUpOnRunningAsync()
    {
        var why = new AttemptFailure(AttemptFailure.ConsumerLost, "The consumer stopped before the handler had finished.");
        var running = await OweAsync(FindRunning).ConfigureAwait(false);
        var abandoned = running.FindAll(delivery => delivery.TryAbandon(why));
        abandoned.ForEach(static delivery => delivery.Cancel());
        abandoned.ForEach(Owe);
    }

    /// <summary>When it is done the writer starts nothing more for this one; nor does it while it cannot write.</summary>
    private bool Stop()
    {
        SignalIfDrained();
        return true;
    }

    private List<SqliteDelivery> FindRunning() => [.. _store.Running.Values.Where(delivery => delivery.Consumer == this)];

    private bool Leave()
    {
        Group?.Remove(this);
        return true;
    }

    /// <summary>Waits for a step of the end, which has a bound of its own.</summary>
    /// <returns>False when it did not come about: in time, or at all since the file is closed or of no use, which the writer has logged.</returns>
    private static async Task<bool> EndsAsync(Task step)
    {
        await step.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return step.IsCompletedSuccessfully;
    }

    private Task<T> OweAsync<T>(Func<T> call)
    {
        var operation = new OwedCall<T>(call);
        var task = operation.Task.AsTask();
        _writer.Owe(operation);
        return task;
    }
}
