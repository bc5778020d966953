namespace Iii.Broker;

/// <summary>For adapters: tells a handler by its token that its message is no longer its own.</summary>
public static class HandlerCancellation
{
    /// <summary>
    /// Sets the token, which is done when the call returns. What handlers have registered on it runs on the thread pool, so that it holds up nobody;
    /// the task completes behind it.
    /// </summary>
    /// <param name="source">Of the token that the handler got.</param>
    /// <param name="failed">Gets what registered callbacks have thrown, together. The task itself never fails.</param>
    public static async Task CancelAsync(this CancellationTokenSource source, Action<Exception> failed)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(failed);
        try
        {
            await source.CancelAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever a handler does with its token is its own affair; the owner is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failed(exception);
        }
    }
}
