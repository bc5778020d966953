namespace Iii.Broker;

/// <summary>Carries frames between instances, fast and without keeping them: calls, discovery, stream events, channel bytes.</summary>
/// <remarks>
/// <para>Delivery: at most once, to every subscription of the subject that exists. Nothing is stored and nothing is repeated.</para>
/// <para>
/// Order: a subscription gets the frames that one bus object published to one subject in the order in which the publishing calls
/// were made. A call is made when <see cref="PublishAsync"/> is entered, so a single caller need not await one before the next.
/// Between publishers, and between subjects, there is no order.
/// </para>
/// <para>A subject is exact text; there are no patterns. See <see cref="BrokerNames"/> for what it may contain.</para>
/// </remarks>
public interface IMessageBus : IBrokerSeam
{
    /// <summary>Publishes one frame.</summary>
    /// <param name="subject">A name, see <see cref="BrokerNames"/>.</param>
    /// <param name="frame">Opaque, at most <see cref="BrokerLimits.MaxFrameBytes"/>; may be empty.</param>
    /// <param name="cancellationToken">Ends the waiting for room in the connection's outgoing buffer.</param>
    /// <returns>
    /// <see cref="PublishOutcome.Sent"/> when the subject had a subscription: no promise that the frame arrives or is handled.
    /// <see cref="PublishOutcome.NobodyListens"/> when it certainly had none.
    /// </returns>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.InvalidName"/>, <see cref="BrokerErrorCodes.LimitExceeded"/> for the size, or
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>: at once while the connection is known to be down, never queued for later.
    /// </exception>
    ValueTask<PublishOutcome> PublishAsync(string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken = default);

    /// <summary>Subscribes to one subject.</summary>
    /// <param name="subject">A name, see <see cref="BrokerNames"/>.</param>
    /// <param name="handler">
    /// Called for one frame at a time, the next one after its task has completed. While it is busy at most
    /// <see cref="BrokerLimits.MaxBufferedFrames"/> wait; beyond that frames are dropped and the next delivery says so. It should
    /// not throw: an exception is reported to the adapter's log, and the frame counts as handled.
    /// </param>
    /// <param name="cancellationToken">Ends the subscribing, not the subscription.</param>
    /// <returns>
    /// The subscription. It is effective on every instance when the task completes, and survives a reconnect of the adapter.
    /// Disposing ends it: frames that have arrived are still handled, and when dispose completes no call of the handler runs or will
    /// start. A handler must not await the dispose of its own subscription.
    /// </returns>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.InvalidName"/>, <see cref="BrokerErrorCodes.LimitExceeded"/> or
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>.
    /// </exception>
    ValueTask<IAsyncDisposable> SubscribeAsync(string subject, BusHandler handler, CancellationToken cancellationToken = default);
}
