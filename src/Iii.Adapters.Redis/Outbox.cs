namespace Iii.Adapters.Redis;

/// <summary>
/// What waits to be sent to one place. An item that finds little on its way goes out at once, on its sender's thread; what comes
/// while a few batches are on their way goes out together. So one caller alone waits for nobody, and many share commands.
/// </summary>
/// <param name="maxInFlight">Batches on their way at the same time, in order on one connection. More make them smaller, and waiting shorter.</param>
internal abstract class Outbox<TBatch, TItem>(int maxInFlight) : IThreadPoolWorkItem
    where TBatch : class, IOutgoingBatch<TItem>
    where TItem : allows ref struct
{
    private readonly Lock _lock = new();

    /// <summary>Batches that are full.</summary>
    private readonly Queue<TBatch> _full = new();

    /// <summary>The last one, which takes items; null when nothing waits.</summary>
    private TBatch? _open;

    private int _inFlight;
    private bool _isSending;
    private bool _isRetired;

    private bool IsIdle => _inFlight == 0 && !_isSending && _open is null && _full.Count == 0;

    /// <summary>Puts an item into a batch, and returns that; null when this outbox has been retired: take another.</summary>
    /// <param name="item">The item.</param>
    /// <param name="isHasty">Whether sending may be done here and now; if not, the thread pool does it.</param>
    public TBatch? TryAppend(TItem item, bool isHasty)
    {
        TBatch batch;
        bool isSender;
        lock (_lock)
        {
            if (_isRetired)
            {
                return null;
            }

            if (_open is not null && !_open.HasRoomFor(item))
            {
                _full.Enqueue(_open);
                _open = null;
            }

            batch = _open ??= CreateBatch();
            batch.Append(item);
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

        return batch;
    }

    /// <summary>Sends one batch. Whoever became the sender calls it, and there is one at a time, so that batches keep their order.</summary>
    public void Execute()
    {
        TBatch? batch;
        lock (_lock)
        {
            if (!_full.TryDequeue(out batch))
            {
                (batch, _open) = (_open!, null);
            }

            _inFlight++;
        }

        Send(batch);
        GoOn(sentBatches: 0, hasSent: true);
    }

    /// <summary>Retires this outbox unless it is in use.</summary>
    public bool TryRetire()
    {
        lock (_lock)
        {
            return _isRetired = IsIdle;
        }
    }

    /// <summary>Makes an empty batch.</summary>
    protected abstract TBatch CreateBatch();

    /// <summary>Sends a batch; <see cref="OnSent"/> is to be called when it has arrived or failed. It must not throw.</summary>
    protected abstract void Send(TBatch batch);

    /// <summary>Nothing is on its way any more.</summary>
    protected abstract void OnIdle();

    /// <summary>A batch is no longer on its way.</summary>
    protected void OnSent() => GoOn(sentBatches: 1);

    private void GoOn(int sentBatches, bool hasSent = false)
    {
        bool isSender;
        bool isIdle;
        lock (_lock)
        {
            _inFlight -= sentBatches;
            _isSending &= !hasSent;
            isSender = TryBecomeSender();
            isIdle = IsIdle;
        }

        if (isSender)
        {
            // Never here: the thread may be a caller's, who wants it back.
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else if (isIdle)
        {
            OnIdle();
        }
    }

    private bool TryBecomeSender()
    {
        if (_isSending || _inFlight == maxInFlight || (_open is null && _full.Count == 0))
        {
            return false;
        }

        return _isSending = true;
    }
}
