using System.Collections.Concurrent;

namespace Iii.Engine.Discovery;

/// <summary>Which functions there are, and who provides them. Readers never lock.</summary>
internal sealed class FunctionDirectory
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, FunctionPool> _pools = new(StringComparer.Ordinal);

    /// <summary>Raised, outside the lock, after the set of function ids changed.</summary>
    public event Action? Changed;

    /// <summary>All functions that have a provider, in no order.</summary>
    public IEnumerable<FunctionPool> All => _pools.Select(static entry => entry.Value);

    /// <summary>The function of that id, or null.</summary>
    public FunctionPool? Find(string functionId) => _pools.GetValueOrDefault(functionId);

    /// <summary>The function of that id, found without making a string of it.</summary>
    public FunctionPool? Find(ReadOnlySpan<char> functionId) =>
        _pools.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(functionId, out var pool) ? pool : null;

    /// <summary>
    /// Adds a provider, or renews what the same owner said before.
    /// </summary>
    /// <returns>False when the id is the engine's own: those are not for workers to take over (protocol §12).</returns>
    public bool Register(FunctionRegistration registration)
    {
        bool isNew;
        lock (_lock)
        {
            var pool = _pools.GetOrAdd(registration.FunctionId, static id => new FunctionPool(id));
            var existing = pool.Registrations;
            if (existing.Any(other => other.Provider is EngineFunction && !ReferenceEquals(other.Owner, registration.Owner)))
            {
                return false;
            }

            isNew = existing.Length == 0;
            pool.Replace([.. existing.Where(other => !ReferenceEquals(other.Owner, registration.Owner)), registration]);
        }

        if (isNew)
        {
            Changed?.Invoke();
        }

        return true;
    }

    /// <summary>Removes what <paramref name="owner"/> registered under an id; another owner's registration stays.</summary>
    /// <returns>False when the owner holds no such id.</returns>
    public bool Unregister(string functionId, object owner)
    {
        bool isGone;
        lock (_lock)
        {
            if (!_pools.TryGetValue(functionId, out var pool))
            {
                return false;
            }

            var existing = pool.Registrations;
            var remaining = existing.Where(other => !ReferenceEquals(other.Owner, owner)).ToArray();
            if (remaining.Length == existing.Length)
            {
                return false;
            }

            pool.Replace(remaining);
            isGone = remaining.Length == 0;
            if (isGone)
            {
                _pools.TryRemove(functionId, out _);
            }
        }

        if (isGone)
        {
            Changed?.Invoke();
        }

        return true;
    }
}
