using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>One delivery: a lease on a message and the handler that runs with it, a work item of the thread pool.</summary>
/// <param name="consumer">Whose it is.</param>
/// <param name="handle">How the scripts name the message.</param>
/// <param name="number">The number of the delivery, which tells this lease from every other one of the message.</param>
/// <param name="epoch">The epoch of the group in which the lease was given.</param>
/// <param name="delivery">What the handler gets.</param>
/// <param name="leasedAt">The time, in timestamps, before the lease was asked for.</param>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, and may be set after the run has ended.
internal sealed class QueueRun(
    QueueConsumer consumer, RedisValue handle, long number, string epoch, QueueDelivery delivery, long leasedAt) : IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _lost = new();
    private long _leasedAt = leasedAt;
    private int _hasEnded;

    public RedisValue Handle => handle;

    public long Number => number;

    /// <summary>
    /// The epoch in which the lease was given: as long as it lasts, the lease is certain to hold. Empty once a call has failed: it may
    /// have been carried out, and this settled with it.
    /// </summary>
    public string Epoch { get; private set; } = epoch;

    public QueueDelivery Delivery => delivery;

    /// <summary>When the lease was last prolonged, in timestamps.</summary>
    public long LeasedAt
    {
        get => Volatile.Read(ref _leasedAt);
        set => Volatile.Write(ref _leasedAt, value);
    }

    public void Execute() => _ = RunAsync();

    /// <summary>Ends it, for whoever is first: the handler with its verdict, or somebody who takes the message away from it.</summary>
    public bool TryEnd() => Interlocked.Exchange(ref _hasEnded, 1) == 0;

    /// <summary>From now on it is not certain that the lease holds. On the consumer's loop.</summary>
    public void Doubt() => Epoch = "";

    /// <summary>Tells the handler that it no longer counts.</summary>
    public void Cancel() => _ = _lost.CancelAsync(exception => consumer.HandlerFailed(exception, delivery.MessageId));

    /// <summary>The run itself; it never fails.</summary>
    private async Task RunAsync()
    {
        QueueVerdict? verdict = null;
        Exception? thrown = null;
        try
        {
            consumer.LoseIfOverdue(this);
            if (!_lost.IsCancellationRequested)
            {
                verdict = await consumer.Handler(delivery, _lost.Token).ConfigureAwait(false);
            }
        }
#pragma warning disable CA1031 // Whatever a handler throws, its message is delivered again; the owner is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            thrown = exception;
        }

        consumer.Complete(this, verdict, thrown);
    }
}
