namespace Iii.Adapters.Redis;

/// <summary>Wakes one waiting loop. Signals that come before it waits are one.</summary>
#pragma warning disable CA1001 // A semaphore without a wait handle holds nothing.
internal sealed class WakeUpSignal
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _semaphore = new(0, 1);
    private int _isSet;

    /// <summary>Wakes the loop, or has its next wait end at once.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _isSet, 1) == 0)
        {
            _semaphore.Release();
        }
    }

    /// <summary>Waits for a signal; whether there was one.</summary>
    public async Task<bool> WaitAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var wasSet = await _semaphore.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        if (wasSet)
        {
            Volatile.Write(ref _isSet, 0);
        }

        return wasSet;
    }
}
