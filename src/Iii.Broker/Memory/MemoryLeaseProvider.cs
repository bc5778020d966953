using System.Collections.Concurrent;

namespace Iii.Broker.Memory;

/// <summary>The leases of one instance in a <see cref="MemoryWorld"/>.</summary>
/// <param name="world">Where the instances meet.</param>
/// <param name="link">This instance's cable; null for one that is never cut.</param>
public sealed class MemoryLeaseProvider(MemoryWorld world, MemoryLink? link = null) : ILeaseProvider
{
    private readonly MemoryLink _link = link ?? new MemoryLink();
    private readonly ConcurrentDictionary<MemoryLease, byte> _leases = [];
    private volatile bool _isDisposed;

    /// <inheritdoc/>
    public BrokerFeatures Features => BrokerFeatures.Shared;

    /// <inheritdoc/>
    public BrokerLimits Limits => world.Options.Limits;

    /// <inheritdoc/>
    public ValueTask<ILease?> TryAcquireAsync(string name, TimeSpan timeToLive, CancellationToken cancellationToken = default)
    {
        CheckOpen(name, timeToLive, cancellationToken);
        var lease = world.Leases.TryAcquire(name, token => new MemoryLease(this, world, _link, name, timeToLive, token));
        if (lease is not null)
        {
            _leases[lease] = 0;
        }

        return ValueTask.FromResult<ILease?>(lease);
    }

    /// <inheritdoc/>
    public ValueTask<bool> TryClaimAsync(string name, TimeSpan retention, CancellationToken cancellationToken = default)
    {
        CheckOpen(name, retention, cancellationToken);
        return ValueTask.FromResult(world.Leases.TryClaim(name, retention));
    }

    /// <summary>Releases the leases that this provider still holds; claims stay.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        foreach (var lease in _leases.Keys)
        {
            await lease.DisposeAsync().ConfigureAwait(false);
        }
    }

    internal void Forget(MemoryLease lease) => _leases.TryRemove(lease, out _);

    private void CheckOpen(string name, TimeSpan duration, CancellationToken cancellationToken)
    {
        BrokerGuard.CheckLease(name, duration);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _link.Check(cancellationToken);
    }
}
