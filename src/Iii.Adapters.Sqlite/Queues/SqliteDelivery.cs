using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>One message with one consumer: first a work item of the thread pool, then, with its verdict, an operation that is owed.</summary>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, and may be set after the run has ended.
internal sealed class SqliteDelivery(
    QueueStore store,
    StoredGroup group,
    SqliteConsumer consumer,
    LineEntry entry,
    StoredMessage message,
    int attempt,
    IReadOnlyList<AttemptRecord> failures,
    long? body) : Operation, IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private const int Running = 0;
    private const int Ended = 1;
    private const int Abandoned = 2;

    /// <summary>Before a message is delivered again whose handler threw: long enough that a handler that always throws burns no CPU.</summary>
    private static readonly TimeSpan PauseAfterThrow = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _lost = new();
    private int _state = Running;

    public StoredGroup Group => group;

    public SqliteConsumer Consumer => consumer;

    public LineEntry Entry => entry;

    /// <summary>Where the payload is, if not beside the message.</summary>
    public long? Body => body;

    public IReadOnlyList<AttemptRecord> Failures => failures;

    /// <summary>What becomes of the message; set once, before this is handed in as an operation.</summary>
    public QueueVerdict? Verdict { get; private set; }

    /// <summary>Its verdict could not be written, although the disk is in order: it is as if it had been lost.</summary>
    public bool IsGivenUp { get; private set; }

    public override bool IsOwed => true;

    public IReadOnlyList<AttemptRecord> FailuresWith(AttemptFailure failure, DateTimeOffset at) =>
        failures.With(new AttemptRecord(attempt, at, failure));

    void IThreadPoolWorkItem.Execute() => _ = RunAsync();

    /// <summary>Makes its verdict count no more; false when it has been given already.</summary>
    public bool TryAbandon(AttemptFailure why)
    {
        if (Interlocked.CompareExchange(ref _state, Abandoned, Running) != Running)
        {
            return false;
        }

        Verdict = QueueVerdict.RetryAfter(TimeSpan.Zero, why);
        return true;
    }

    /// <summary>Tells the handler that it was abandoned.</summary>
    public void Cancel() => _ = _lost.CancelAsync(store.HandlerFailed);

    public override void Execute() => store.Settle(this);

    public override void Complete() => consumer.SignalIfDrained();

    public override void Fail(Exception exception) => IsGivenUp = true;

    /// <summary>Never fails.</summary>
    private async Task RunAsync()
    {
        try
        {
            if (Volatile.Read(ref _state) == Running)
            {
                await HandleAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            consumer.HandlerEnded();
        }
    }

    private async Task HandleAsync()
    {
        try
        {
            var verdict = await consumer.Handler(ToDelivery(), _lost.Token).ConfigureAwait(false);
            End(verdict ?? HandlerFailed("The handler returned null."));
        }
#pragma warning disable CA1031 // Whatever a handler throws, its message is delivered again; the owner is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            End(HandlerFailed(exception.Message));
            if (!_lost.IsCancellationRequested)
            {
                store.HandlerFailed(exception);
            }
        }
    }

    private void End(QueueVerdict verdict)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Running) == Running)
        {
            Verdict = verdict;
            consumer.Owe(this);
        }
    }

    private static QueueVerdict HandlerFailed(string why) =>
        QueueVerdict.RetryAfter(PauseAfterThrow, new AttemptFailure(AttemptFailure.HandlerFailed, why));

    private QueueDelivery ToDelivery() => new()
    {
        Queue = group.Queue.Name,
        Group = consumer.Subscription.Group,
        MessageId = MessageIds.Format(store.FileId, message.Number),
        Attempt = attempt,
        EnqueuedAt = message.EnqueuedAt,
        Payload = message.Payload,
        Headers = message.Headers,
        OrderingKey = message.OrderingKey,
        Priority = message.Priority,
        Failures = failures,
    };
}
