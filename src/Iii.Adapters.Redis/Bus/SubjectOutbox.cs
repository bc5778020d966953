using StackExchange.Redis;

namespace Iii.Adapters.Redis.Bus;

/// <summary>
/// What waits to be published to one subject. A frame that finds little on its way goes out at once, on its publisher's thread; what
/// comes while a few batches are on their way goes out together. So one caller alone waits for nobody, and many share commands.
/// </summary>
internal sealed class SubjectOutbox(RedisMessageBus bus, string subject, RedisChannel channel) : IThreadPoolWorkItem
{
    /// <summary>Batches on their way at the same time, in order on one connection. More would only make them smaller.</summary>
    private const int MaxBatchesInFlight = 2;

    private readonly Lock _lock = new();

    /// <summary>Batches that are full.</summary>
    private readonly Queue<FrameBatch> _full = new();

    /// <summary>The last one, which takes frames; null when nothing waits.</summary>
    private FrameBatch? _open;

    private int _inFlight;
    private bool _isSending;
    private bool _isRetired;

    public string Subject => subject;

    private bool IsIdle => _inFlight == 0 && !_isSending && _open is null && _full.Count == 0;

    /// <summary>Copies a frame into a batch and returns that batch's outcome; null when this outbox has been retired: take another.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="isHasty">Whether sending may be done here and now; if not, the thread pool does it.</param>
    public Task<PublishOutcome>? TryAppend(ReadOnlySpan<byte> frame, bool isHasty)
    {
        FrameBatch batch;
        bool isSender;
        lock (_lock)
        {
            if (_isRetired)
            {
                return null;
            }

            if (_open is not null && !_open.HasRoomFor(frame.Length))
            {
                _full.Enqueue(_open);
                _open = null;
            }

            batch = _open ??= new FrameBatch(frame.Length);
            batch.Append(frame);
            isSender = TryBecomeSender();
        }

        if (isSender && isHasty)
        {
            Execute();
        }
        else if (isSender)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        return batch.Outcome;
    }

    /// <summary>Sends one batch. Whoever became the sender calls it, and there is one at a time, so that batches keep their order.</summary>
    public void Execute()
    {
        FrameBatch batch;
        lock (_lock)
        {
            if (!_full.TryDequeue(out batch!))
            {
                (batch, _open) = (_open!, null);
            }

            _inFlight++;
        }

        Send(batch);
        lock (_lock)
        {
            _isSending = false;
            if (!TryBecomeSender())
            {
                return;
            }
        }

        // Not in a loop: the thread is a publisher's.
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Retires this outbox unless it is in use.</summary>
    public bool TryRetire()
    {
        lock (_lock)
        {
            return _isRetired = IsIdle;
        }
    }

    private bool TryBecomeSender()
    {
        if (_isSending || _inFlight == MaxBatchesInFlight || (_open is null && _full.Count == 0))
        {
            return false;
        }

        return _isSending = true;
    }

    private void Send(FrameBatch batch)
    {
        Task<long> sending;
        try
        {
            bus.Connection.CheckUp();
            sending = bus.Connection.Subscriber.PublishAsync(channel, batch.Bytes);
        }
        catch (Exception exception) when (exception is BrokerException || RedisConnection.IsFailure(exception))
        {
            OnFailed(batch, exception);
            return;
        }

        var awaiter = sending.ConfigureAwait(false).GetAwaiter();
        if (awaiter.IsCompleted)
        {
            OnSent(batch, sending);
        }
        else
        {
            awaiter.UnsafeOnCompleted(() => OnSent(batch, sending));
        }
    }

    private void OnSent(FrameBatch batch, Task<long> sending)
    {
        if (sending.IsCompletedSuccessfully)
        {
            var bytes = batch.CountedBytes;
            batch.Complete(sending.Result > 0 ? PublishOutcome.Sent : PublishOutcome.NobodyListens);
            GoOn(bytes);
        }
        else
        {
            OnFailed(batch, sending.Exception?.InnerException ?? new TimeoutException());
        }
    }

    private void OnFailed(FrameBatch batch, Exception exception)
    {
        batch.Fail(exception as BrokerException ?? bus.Connection.Unavailable(exception));
        GoOn(batch.CountedBytes);
    }

    private void GoOn(int releasedBytes)
    {
        bus.Room.Release(releasedBytes);
        bool isSender;
        bool isIdle;
        lock (_lock)
        {
            _inFlight--;
            isSender = TryBecomeSender();
            isIdle = IsIdle;
        }

        if (isSender)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else if (isIdle)
        {
            bus.OnIdle(this);
        }
    }
}
