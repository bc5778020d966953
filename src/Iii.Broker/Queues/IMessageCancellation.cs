namespace Iii.Broker;

/// <summary>Optional ability of a queue broker: take a message back. Feature <see cref="BrokerFeatures.Cancellation"/>.</summary>
public interface IMessageCancellation
{
    /// <summary>
    /// Deletes every copy of a message that is delayed or, with <see cref="BrokerFeatures.CancellationOfWaiting"/>, waits. A copy that is
    /// being handled, or is dead, stays.
    /// </summary>
    /// <param name="queue">The queue.</param>
    /// <param name="messageId">The id of the receipt.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>True when at least one copy was deleted; that copy is not delivered after this.</returns>
    ValueTask<bool> CancelAsync(string queue, string messageId, CancellationToken cancellationToken = default);
}
