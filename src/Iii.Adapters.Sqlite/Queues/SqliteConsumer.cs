using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>One consumer of a group. What changes is the writer's; its deliveries run on the thread pool.</summary>
internal sealed class SqliteConsumer : IAsyncDisposable
{
    /// <summary>How long dispose waits for the file to take what is given back: a full disk must not keep a process from ending.</summary>
    private static readonly TimeSpan GiveBackTimeout = TimeSpan.FromSeconds(5);

    private readonly QueueStore _store;
    private readonly Writer _writer;
    private readonly Action<SqliteConsumer> _disposed;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<SqliteDelivery> _abandoned = [];
    private readonly Lazy<Task> _dispose;
    private bool _isStopping;

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

    public void SignalIfDrained()
    {
        if (_isStopping && Running == 0)
        {
            _drained.TrySetResult();
        }
    }

    /// <summary>The file is closed: nothing will be carried out any more.</summary>
    public void Break() => _drained.TrySetResult();

    public ValueTask DisposeAsync() => new(_dispose.Value);

    private async Task DrainAsync()
    {
        try
        {
            await OweAsync(Stop).ConfigureAwait(false);
            await _drained.Task.WaitAsync(Subscription.DrainTimeout, _store.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await GiveUpOnRunningAsync().ConfigureAwait(false);
        }
        catch (BrokerException)
        {
            // The file is closed already. Its next process finds what this consumer had.
        }

        try
        {
            await OweAsync(Leave).ConfigureAwait(false);
        }
        catch (BrokerException)
        {
            // As above.
        }

        _disposed(this);
    }

    private async Task GiveUpOnRunningAsync()
    {
        try
        {
            var abandoned = await OweAsync(Abandon).ConfigureAwait(false);
            foreach (var delivery in abandoned)
            {
                delivery.Cancel();
            }

            abandoned.ForEach(Owe);
            await _drained.Task.WaitAsync(GiveBackTimeout, _store.Time).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is TimeoutException or BrokerException)
        {
            // Full disk or closed file: what could not be given back is delivered again when the file is opened the next time.
        }
    }

    private bool Stop()
    {
        _isStopping = true;
        SignalIfDrained();
        return true;
    }

    private List<SqliteDelivery> Abandon()
    {
        var why = new AttemptFailure(AttemptFailure.ConsumerLost, "The consumer stopped before the handler had finished.");
        _abandoned.AddRange(_store.Running.Values.Where(delivery => delivery.Consumer == this && delivery.TryAbandon(why)));
        return _abandoned;
    }

    private bool Leave()
    {
        Group?.Remove(this);
        return true;
    }

    private Task<T> OweAsync<T>(Func<T> call)
    {
        var operation = new OwedCall<T>(call);
        var task = operation.Task.AsTask();
        _writer.Owe(operation);
        return task;
    }
}
