namespace Iii.Broker.Memory;

/// <summary>One entry with one consumer: a work item of the thread pool.</summary>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, and may be set after the run has ended.
internal sealed class MemoryDelivery(MemoryConsumer consumer, QueueEntry entry, string queue, string group) : IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _lost = new();
    private readonly QueueDelivery _delivery = entry.ToDelivery(queue, group);
    private ITimer? _leaseTimer;
    private TimeSpan _leaseEndsAt;

    public QueueEntry Entry => entry;

    /// <summary>The handler has returned. Guarded by the queue's lock, as is the lease.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Its verdict no longer counts: the message is, or is about to be, somebody else's. Guarded by the queue's lock.</summary>
    public bool IsAbandoned { get; set; }

    public void Execute() => _ = RunAsync();

    /// <summary>Tells the handler that it was abandoned.</summary>
    public void Cancel() => _ = _lost.CancelAsync(consumer.HandlerFailed);

    public void StartLeaseTimer(MemoryClock clock, TimeSpan leaseTime, Action onOver)
    {
        if (_leaseTimer is null)
        {
            _leaseEndsAt = clock.Now + leaseTime;
            _leaseTimer = clock.CreateTimer(onOver);
            clock.Set(_leaseTimer, _leaseEndsAt);
        }
    }

    public void StopLeaseTimer()
    {
        _leaseTimer?.Dispose();
        _leaseTimer = null;
    }

    /// <summary>Whether it is; if it is not yet, the timer is set again.</summary>
    public bool IsLeaseOver(MemoryClock clock)
    {
        if (_leaseTimer is null)
        {
            return false;
        }

        if (clock.Now >= _leaseEndsAt)
        {
            return true;
        }

        clock.Set(_leaseTimer, _leaseEndsAt);
        return false;
    }

    /// <summary>Never fails.</summary>
    private async Task RunAsync()
    {
        if (!consumer.TryBegin(this))
        {
            return;
        }

        try
        {
            var verdict = await consumer.Handler(_delivery, _lost.Token).ConfigureAwait(false);
            consumer.Complete(this, verdict, verdict is null ? new AttemptFailure(AttemptFailure.HandlerFailed, "The handler returned null.") : null);
        }
#pragma warning disable CA1031 // Whatever a handler throws, its message is delivered again; the owner is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            consumer.Complete(this, null, new AttemptFailure(AttemptFailure.HandlerFailed, exception.Message));
            if (!_lost.IsCancellationRequested)
            {
                consumer.HandlerFailed(exception);
            }
        }
    }
}
