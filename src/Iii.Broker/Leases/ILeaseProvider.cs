namespace Iii.Broker;

/// <summary>Decides which of several instances does something.</summary>
/// <remarks>
/// Time is measured by durations on one clock each, the broker's and the holder's monotonic one; wall clocks of different
/// instances are never compared. Every member throws <see cref="BrokerException"/> with
/// <see cref="BrokerErrorCodes.BrokerUnavailable"/>, <see cref="BrokerErrorCodes.InvalidName"/> or
/// <see cref="BrokerErrorCodes.LimitExceeded"/>. Leases and claims are apart: the same name in both is two things.
/// </remarks>
public interface ILeaseProvider : IBrokerSeam
{
    /// <summary>Takes a lease if nobody has it. Does not wait for it.</summary>
    /// <param name="name">A name, see <see cref="BrokerNames"/>.</param>
    /// <param name="timeToLive">
    /// How long after its holder has vanished it is free again. The adapter renews it until it is disposed, so it is no limit to
    /// how long it can be held. From <see cref="BrokerLimits.MinLeaseDuration"/> to <see cref="BrokerLimits.MaxLeaseDuration"/>.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting. The lease may have been taken; it then ends by itself.</param>
    /// <returns>The lease, or null when somebody has it, this object included: a lease is not re-entrant.</returns>
    ValueTask<ILease?> TryAcquireAsync(string name, TimeSpan timeToLive, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes a record that something was taken on, once for all instances: the first caller gets true, everybody else false until
    /// <paramref name="retention"/> has passed. It is never released, so it outlives the work and the worker: one per tick of the clock.
    /// </summary>
    /// <param name="name">A name, see <see cref="BrokerNames"/>; it says what and which time.</param>
    /// <param name="retention">How long the record is kept, by the broker's clock: longer than instances can differ in lateness.</param>
    /// <param name="cancellationToken">Ends the waiting. The record may have been written: nobody will do the work.</param>
    ValueTask<bool> TryClaimAsync(string name, TimeSpan retention, CancellationToken cancellationToken = default);
}
