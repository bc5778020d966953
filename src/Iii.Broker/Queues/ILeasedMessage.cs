namespace Iii.Broker;

/// <summary>A message that a <see cref="PollingConsumer"/> has leased, on an adapter whose store knows of leases.</summary>
/// <remarks>
/// Members are called one after the other, on thread-pool threads. A renewal that has not ended when the lease is over, or when the consumer gives up on
/// its handlers, is not waited for.
/// </remarks>
public interface ILeasedMessage
{
    /// <summary>What the handler gets.</summary>
    QueueDelivery Delivery { get; }

    /// <summary>Lets the lease end <see cref="QueueSubscription.LeaseTime"/> from now.</summary>
    /// <returns>False when it has been lost: somebody else may have the message.</returns>
    ValueTask<bool> RenewAsync();

    /// <summary>Carries a verdict out. The lease has just been renewed; when it is lost all the same, nothing happens.</summary>
    /// <param name="verdict">Null gives the message back at once, for the next attempt: the consumer gave up draining.</param>
    ValueTask SettleAsync(QueueVerdict? verdict);
}
