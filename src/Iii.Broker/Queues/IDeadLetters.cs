namespace Iii.Broker;

/// <summary>Optional ability of a queue broker: look at dead letters and decide about them. Feature <see cref="BrokerFeatures.DeadLetters"/>.</summary>
/// <remarks>
/// Without it, dead letters are kept where the broker's own tools find them. Filtering and bulk work are the caller's: it pages and
/// names ids. An unknown queue, group or id is no error.
/// </remarks>
public interface IDeadLetters
{
    /// <summary>The dead letters of a group, oldest first. Stable while pages are read: none is skipped because another one left.</summary>
    ValueTask<Page<DeadLetterRecord>> ListAsync(string queue, string group, PageRequest page, CancellationToken cancellationToken = default);

    /// <summary>Puts a dead letter back at the end of its group's line, in one step: same id, attempts from 1, no failures.</summary>
    /// <remarks>
    /// It is no dead letter any more when this returns, and nothing keeps it from its line. Where an adapter says so it may still be on its way
    /// there, and what is enqueued then may come before it.
    /// </remarks>
    /// <returns>False when it was not there (any more).</returns>
    ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default);

    /// <summary>
    /// Puts several dead letters back, as <see cref="RedriveAsync(string, string, string, CancellationToken)"/> does with one. An adapter
    /// that has to search for each of them does so once for all; this is one after the other.
    /// </summary>
    /// <returns>How many were there. When it throws, some of them may have been put back.</returns>
    async ValueTask<int> RedriveAsync(
        string queue, string group, IReadOnlyCollection<string> messageIds, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messageIds);
        var redriven = 0;
        foreach (var id in messageIds)
        {
            redriven += await RedriveAsync(queue, group, id, cancellationToken).ConfigureAwait(false) ? 1 : 0;
        }

        return redriven;
    }

    /// <summary>Deletes a dead letter.</summary>
    /// <returns>False when it was not there (any more).</returns>
    ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default);
}
