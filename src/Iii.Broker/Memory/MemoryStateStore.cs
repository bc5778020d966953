namespace Iii.Broker.Memory;

/// <summary>The state store of one instance in a <see cref="MemoryWorld"/>.</summary>
/// <param name="world">Where the instances meet.</param>
/// <param name="link">This instance's cable; null for one that is never cut.</param>
public sealed class MemoryStateStore(MemoryWorld world, MemoryLink? link = null) : IStateStore
{
    private readonly MemoryLink _link = link ?? new MemoryLink();
    private volatile bool _isDisposed;

    /// <inheritdoc/>
    public BrokerFeatures Features => BrokerFeatures.Shared;

    /// <inheritdoc/>
    public BrokerLimits Limits => world.Options.Limits;

    /// <inheritdoc/>
    public ValueTask<StateEntry?> GetAsync(string scope, string key, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckAddress(scope, key);
        CheckOpen(cancellationToken);
        return ValueTask.FromResult(world.Scopes.Get(scope, key));
    }

    /// <inheritdoc/>
    public ValueTask<StateWrite> SetAsync(
        string scope, string key, ReadOnlyMemory<byte> value, StateCondition condition = default, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSet(this, scope, key, value.Length);
        CheckOpen(cancellationToken);
        return ValueTask.FromResult(world.Scopes.Write(scope, key, value.ToArray(), condition));
    }

    /// <inheritdoc/>
    public ValueTask<StateWrite> DeleteAsync(
        string scope, string key, StateCondition condition = default, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckAddress(scope, key);
        CheckOpen(cancellationToken);
        return ValueTask.FromResult(world.Scopes.Write(scope, key, null, condition));
    }

    /// <inheritdoc/>
    public ValueTask<Page<StateEntry>> ListAsync(string scope, PageRequest page, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckAddress(scope, "");
        ArgumentNullException.ThrowIfNull(page);
        CheckOpen(cancellationToken);
        return ValueTask.FromResult(world.Scopes.List(scope, page));
    }

    /// <inheritdoc/>
    public ValueTask<Page<string>> ListScopesAsync(PageRequest page, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(page);
        CheckOpen(cancellationToken);
        return ValueTask.FromResult(world.Scopes.ListScopes(page));
    }

    /// <summary>Closes this store; the state stays in its world.</summary>
    public ValueTask DisposeAsync()
    {
        _isDisposed = true;
        return ValueTask.CompletedTask;
    }

    private void CheckOpen(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _link.Check(cancellationToken);
    }
}
