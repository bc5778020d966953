using System.Collections.Concurrent;

namespace Iii.Engine.Discovery;

/// <summary>Which functions there are, and who provides them. Readers never lock.</summary>
internal sealed class FunctionDirectory
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, FunctionPool> _pools = new(StringComparer.Ordinal);

    /// <summary>Raised, outside the lock, after the set of function ids changed.</summary>
    public event Action? Changed;

    /// <summary>Raised after a registration was made or renewed. One owner's changes are raised in the order in which they were made.</summary>
    public event Action<FunctionRegistration>? Registered;

    /// <summary>Raised after an owner's registration of a function was removed.</summary>
    public event Action<string, object>? Unregistered;

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
            var existing = pool.Providers;
            foreach (var other in existing.Local)
            {
                if (other.Provider is EngineFunction && !ReferenceEquals(other.Owner, registration.Owner))
                {
                    return false;
                }
            }

            isNew = existing.All.IsEmpty;
            pool.Replace(existing.With(registration));
        }

        Registered?.Invoke(registration);

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

            var existing = pool.Providers;
            var remaining = existing.Without(owner);
            if (ReferenceEquals(remaining, existing))
            {
                return false;
            }

            pool.Replace(remaining);
            isGone = remaining.All.IsEmpty;
            if (isGone)
            {
                _pools.TryRemove(functionId, out _);
            }
        }

        Unregistered?.Invoke(functionId, owner);
        if (isGone)
        {
            Changed?.Invoke();
        }

        return true;
    }
}
