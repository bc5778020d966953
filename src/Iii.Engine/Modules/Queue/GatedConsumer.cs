using Iii.Broker;

namespace Iii.Engine.Modules.Queue;

/// <summary>One consumer of the broker, and the jobs that it has running.</summary>
/// <remarks>
/// The broker delivers no more than it was asked for. But after it has lost a connection it does so while earlier jobs still run here. With
/// a gate those count: what comes waits until there is a place.
/// </remarks>
/// <param name="source">Handles the deliveries.</param>
/// <param name="subscription">How it consumes.</param>
/// <param name="isGated">Whether there is a gate. With one, what comes when it stops goes back.</param>
/// <param name="freed">Called when a job of a consumer that stops has ended.</param>
internal sealed class GatedConsumer(JobSource source, QueueSubscription subscription, bool isGated, Action freed)
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource<bool>> _waiting = [];
    private int _running;
    private bool _isStopping;

    public QueueSubscription Subscription => subscription;

    public bool IsGated => isGated;

    /// <summary>The places that it has: all that it may use, and once it stops those that it still uses.</summary>
    public int Places
    {
        get
        {
            lock (_lock)
            {
                return _isStopping ? _running : subscription.Concurrency;
            }
        }
    }

    /// <summary>Handles a delivery.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="lost">Set when the broker has given it to another; then it waits no longer. A job that runs goes on.</param>
    public async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken lost)
    {
        if (Enter() is { } waiting && !await WaitAsync(waiting, lost))
        {
            return QueueVerdict.RetryAfter(TimeSpan.Zero);
        }

        try
        {
            return await source.HandleAsync(delivery);
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Begins no more jobs of those that wait.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopping = true;
            while (_waiting.TryDequeue(out var waiting))
            {
                waiting.TrySetResult(false);
            }
        }
    }

    private static async ValueTask<bool> WaitAsync(TaskCompletionSource<bool> waiting, CancellationToken lost)
    {
        using var registration = lost.UnsafeRegister(static waiting => ((TaskCompletionSource<bool>)waiting!).TrySetResult(false), waiting);
        return await waiting.Task;
    }

    /// <summary>Takes a place.</summary>
    /// <returns>Null, or what says whether one was taken later.</returns>
    private TaskCompletionSource<bool>? Enter()
    {
        lock (_lock)
        {
            if (!isGated || (!_isStopping && _running < subscription.Concurrency))
            {
                _running++;
                return null;
            }

            var waiting = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_isStopping)
            {
                waiting.SetResult(false);
                return waiting;
            }

            while (_waiting.TryPeek(out var first) && first.Task.IsCompleted)
            {
                _waiting.Dequeue();
            }

            _waiting.Enqueue(waiting);
            return waiting;
        }
    }

    /// <summary>Gives the place to the next that waits, or back.</summary>
    private void Exit()
    {
        bool isStopping;
        lock (_lock)
        {
            isStopping = _isStopping;
            while (_waiting.TryDequeue(out var next))
            {
                if (next.TrySetResult(true))
                {
                    return;
                }
            }

            _running--;
        }

        if (isStopping)
        {
            freed();
        }
    }
}
