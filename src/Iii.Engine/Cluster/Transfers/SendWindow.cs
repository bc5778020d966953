namespace Iii.Engine.Cluster.Transfers;

/// <summary>How many bytes may be on the way to a receiver that has not said yet that it took them.</summary>
/// <remarks>One sender waits; any thread grants.</remarks>
internal sealed class SendWindow(long bytes, TimeProvider time)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _waiting;
    private long _sent;
    private long _taken;
    private bool _isBroken;

    /// <summary>Whether the receiver has given up.</summary>
    public bool IsBroken
    {
        get
        {
            lock (_lock)
            {
                return _isBroken;
            }
        }
    }

    /// <summary>Waits until there is room, then takes it. A single piece larger than the window is let through when nothing is on the way.</summary>
    /// <param name="count">The size of the piece.</param>
    /// <param name="patience">How long the receiver may take nothing at all.</param>
    /// <returns>False when the receiver has given up, or took nothing for too long.</returns>
    public async ValueTask<bool> TryTakeAsync(int count, TimeSpan patience)
    {
        while (true)
        {
            Task waiting;
            lock (_lock)
            {
                if (_isBroken)
                {
                    return false;
                }

                if (_sent == _taken || _sent - _taken + count <= bytes)
                {
                    _sent += count;
                    return true;
                }

                _waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waiting = _waiting.Task;
            }

            try
            {
                await waiting.WaitAsync(patience, time);
            }
            catch (TimeoutException)
            {
                return false;
            }
        }
    }

    /// <summary>The receiver has taken so many bytes in all.</summary>
    public void Taken(long total)
    {
        lock (_lock)
        {
            if (total > _taken)
            {
                _taken = Math.Min(total, _sent);
                Wake();
            }
        }
    }

    /// <summary>The receiver takes nothing any more.</summary>
    public void Break()
    {
        lock (_lock)
        {
            _isBroken = true;
            Wake();
        }
    }

    private void Wake()
    {
        _waiting?.TrySetResult();
        _waiting = null;
    }
}
