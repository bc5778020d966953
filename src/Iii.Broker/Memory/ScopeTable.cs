namespace Iii.Broker.Memory;

/// <summary>All state of a world. One lock: each step is a few look-ups, and bytes are copied before it is taken.</summary>
internal sealed class ScopeTable(BrokerLimits limits)
{
    private readonly SortedDictionary<string, Scope> _scopes = new(BrokerNames.Utf8Order);
    private readonly Lock _lock = new();
    private long _lastVersion;
    private int _count;

    public StateEntry? Get(string scope, string key)
    {
        lock (_lock)
        {
            return _scopes.TryGetValue(scope, out var found) ? found.Get(key) : null;
        }
    }

    /// <summary>Writes, or deletes when <paramref name="value"/> is null.</summary>
    public StateWrite Write(string scope, string key, ReadOnlyMemory<byte>? value, StateCondition condition)
    {
        lock (_lock)
        {
            var entries = _scopes.GetValueOrDefault(scope);
            var previous = entries?.Get(key);
            if (!condition.HoldsFor(previous))
            {
                return new StateWrite(false, previous, previous?.Version ?? 0);
            }

            return value is { } bytes
                ? Put(scope, new StateEntry(key, bytes, ++_lastVersion), previous)
                : Remove(scope, key, previous);
        }
    }

    public Page<StateEntry> List(string scope, PageRequest page)
    {
        lock (_lock)
        {
            if (!_scopes.TryGetValue(scope, out var entries))
            {
                return new Page<StateEntry>([], null);
            }

            return Cut(entries.After(page.After), page.Limit, entry => entry.Key);
        }
    }

    public Page<string> ListScopes(PageRequest page)
    {
        lock (_lock)
        {
            var scopes = _scopes.Keys.Where(scope => page.After is null || BrokerNames.Utf8Order.Compare(scope, page.After) > 0);
            return Cut(scopes, page.Limit, scope => scope);
        }
    }

    private static Page<T> Cut<T>(IEnumerable<T> items, int limit, Func<T, string> cursor)
    {
        var taken = items.Take(limit + 1).ToList();
        if (taken.Count <= limit)
        {
            return new Page<T>(taken, null);
        }

        taken.RemoveAt(limit);
        return new Page<T>(taken, cursor(taken[^1]));
    }

    private StateWrite Put(string scope, StateEntry entry, StateEntry? previous)
    {
        if (previous is null && _count >= limits.MaxStateEntries)
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded, $"The state holds {_count} entries; no more are allowed. Delete some.");
        }

        if (!_scopes.TryGetValue(scope, out var entries))
        {
            _scopes[scope] = entries = new Scope();
        }

        _count += previous is null ? 1 : 0;
        entries.Put(entry);
        return new StateWrite(true, previous, entry.Version);
    }

    private StateWrite Remove(string scope, string key, StateEntry? previous)
    {
        if (previous is not null)
        {
            _count--;
            var entries = _scopes[scope];
            entries.Remove(key);
            if (entries.IsEmpty)
            {
                _scopes.Remove(scope);
            }
        }

        return new StateWrite(true, previous, 0);
    }

    private sealed class Scope
    {
        private readonly Dictionary<string, StateEntry> _entries = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _keys = new(BrokerNames.Utf8Order);

        public bool IsEmpty => _entries.Count == 0;

        public StateEntry? Get(string key) => _entries.GetValueOrDefault(key);

        public void Put(StateEntry entry)
        {
            _entries[entry.Key] = entry;
            _keys.Add(entry.Key);
        }

        public void Remove(string key)
        {
            _entries.Remove(key);
            _keys.Remove(key);
        }

        public IEnumerable<StateEntry> After(string? key)
        {
            if (key is null)
            {
                return _keys.Select(each => _entries[each]);
            }

            return _keys.Max is { } last && BrokerNames.Utf8Order.Compare(key, last) < 0
                ? _keys.GetViewBetween(key, last).SkipWhile(each => each == key).Select(each => _entries[each])
                : [];
        }
    }
}
