using Iii.Broker;

namespace Iii.Engine.Hosting;

/// <summary>Makes the seams of one kind of broker. A host is given the adapters that a configuration may name.</summary>
public interface IBrokerAdapter
{
    /// <summary>What <c>broker.adapter</c> calls it: <c>redis</c>.</summary>
    string Name { get; }

    /// <summary>Connects once; trying again is the host's.</summary>
    /// <param name="options">What was configured. The adapter reads its own settings with <see cref="BrokerSettings"/>.</param>
    /// <param name="environment">Who connects.</param>
    /// <param name="cancellationToken">Ends the attempt, which must not take much longer then: the host waits for it.</param>
    /// <returns>The seams, connected. The host disposes of them.</returns>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>: the host tries again. Any other code ends the start.
    /// </exception>
    /// <exception cref="EngineStartException">The options cannot be used; the start ends.</exception>
    /// <exception cref="ArgumentException">As <see cref="EngineStartException"/>.</exception>
    ValueTask<BrokerSeams> ConnectAsync(BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken);
}
