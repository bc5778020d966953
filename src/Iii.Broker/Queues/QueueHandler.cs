namespace Iii.Broker;

/// <summary>Handles one delivery and says what becomes of the message.</summary>
/// <param name="delivery">The message and its circumstances; the payload's bytes are lent until the returned task completes.</param>
/// <param name="cancellationToken">
/// Set when this delivery no longer counts: the lease was lost or the consumer gave up draining. As far as the adapter can know, it
/// is set before the message goes to another consumer. A verdict after that is ignored; the message is delivered again.
/// </param>
public delegate ValueTask<QueueVerdict> QueueHandler(QueueDelivery delivery, CancellationToken cancellationToken);
