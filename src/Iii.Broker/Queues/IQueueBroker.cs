namespace Iii.Broker;

/// <summary>Keeps messages until somebody has dealt with them.</summary>
/// <remarks>
/// <para>
/// Model: a <em>queue</em> is a name that messages are enqueued to. A <em>group</em> is a name on a queue, and holds its own copy of
/// every message enqueued after it was bound. Consuming with a group binds it; it stays bound, and goes on receiving, when its
/// last consumer leaves, until <see cref="RemoveGroupAsync"/>. Consumers with the same group compete: each message goes to one of
/// them, on whichever instance. Consumers with different groups get a copy each. While a queue has no group, its messages wait in
/// it; the first group that is bound takes all of them over. Whether two functions share a group is the engine's decision.
/// </para>
/// <para>
/// Delivery: at least once per group. A message is <em>leased</em> to the consumer that handles it, the adapter renews the lease
/// for as long as the handler runs, and there is no limit to how long that is. A consumer that vanishes loses its leases after
/// <see cref="QueueSubscription.LeaseTime"/> at the latest, and its messages are delivered again with the next attempt number.
/// </para>
/// <para>
/// Order: with <see cref="QueueOrdering.None"/>, higher priority first, then roughly in order of enqueueing, and no priority
/// starves. With <see cref="QueueOrdering.PerKey"/>, messages of one ordering key are handled strictly one after the other in order
/// of enqueueing, over all consumers and instances: a message that waits for its next attempt holds back those behind it, until it
/// is acknowledged or dead-lettered. Different keys run in parallel. Messages without a key are one line of their own. Priority
/// does not reorder within a key. A delayed message joins its line when it falls due.
/// </para>
/// <para>
/// Policy (how many attempts, which back-off, what is a failure) is not here: the handler decides and the adapter carries it out.
/// </para>
/// <para>
/// Optional abilities are interfaces of their own on the same object: <see cref="IDeadLetters"/>, <see cref="IQueueInspection"/>,
/// <see cref="IMessageCancellation"/>, each declared by its feature.
/// </para>
/// </remarks>
public interface IQueueBroker : IBrokerSeam
{
    /// <summary>Hands a message to the broker.</summary>
    /// <param name="queue">A name, see <see cref="BrokerNames"/>. The queue comes into being with its first message.</param>
    /// <param name="message">Payload and headers.</param>
    /// <param name="options">What else is wished; needs declared features. Null means none of it.</param>
    /// <param name="cancellationToken">Ends the waiting. The message may have been stored all the same.</param>
    /// <returns>The receipt, after the write that makes the message as durable as the receipt says.</returns>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.LimitExceeded"/> when a group of the queue is full or the message too large,
    /// <see cref="BrokerErrorCodes.NotSupported"/>, <see cref="BrokerErrorCodes.InvalidName"/>, or
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>: then the message may have been stored. With several groups, a refused
    /// message may be stored for those that had room, where the broker cannot write to all in one step.
    /// </exception>
    ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Binds a group and consumes from it.</summary>
    /// <param name="subscription">What to consume and how.</param>
    /// <param name="handler">
    /// Called for up to <see cref="QueueSubscription.Concurrency"/> messages at the same time. Its verdict is carried out. When it
    /// throws, the message is delivered again after a short pause of the adapter's choice, at most the lease time.
    /// </param>
    /// <param name="cancellationToken">Ends the subscribing, not the consuming.</param>
    /// <returns>
    /// The consumer; the group is bound, durably, when the task completes. Consuming survives a reconnect of the adapter. Disposing
    /// takes no more messages, waits up to <see cref="QueueSubscription.DrainTimeout"/> for the running handlers and carries out
    /// their verdicts; then it sets the token of the rest, gives their messages back at once (next attempt, here or elsewhere) and
    /// does not wait for them any longer. It does not unbind the group.
    /// </returns>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.Conflict"/> when the group has consumers with another <see cref="QueueSubscription.Ordering"/>,
    /// <see cref="BrokerErrorCodes.NotSupported"/>, <see cref="BrokerErrorCodes.InvalidName"/>,
    /// <see cref="BrokerErrorCodes.LimitExceeded"/> or <see cref="BrokerErrorCodes.BrokerUnavailable"/>.
    /// </exception>
    ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default);

    /// <summary>Unbinds a group and deletes all it holds, dead letters too. For a subscriber that will not come back.</summary>
    /// <returns>False when there was no such group.</returns>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.Conflict"/> while the group has consumers; <see cref="BrokerErrorCodes.BrokerUnavailable"/>.
    /// </exception>
    ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default);
}
