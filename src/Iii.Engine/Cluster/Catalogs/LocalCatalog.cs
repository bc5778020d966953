namespace Iii.Engine.Cluster.Catalogs;

/// <summary>
/// What this instance is the authority for: its workers and all that they registered. The others have copies, which are kept up to date by
/// deltas and repaired by snapshots.
/// </summary>
/// <remarks>Thread-safe. Members are quick and may be called under any lock.</remarks>
internal sealed class LocalCatalog
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, byte[]> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]?> _unpublished = new(StringComparer.Ordinal);
    private ulong _published;
    private ulong _version;
    private UInt128 _digest;

    /// <summary>Raised when there is something to publish after there was nothing.</summary>
    public event Action? Changed;

    /// <summary>How far it has come, published or not.</summary>
    public CatalogState State
    {
        get
        {
            lock (_lock)
            {
                return new CatalogState(_version, _digest);
            }
        }
    }

    /// <summary>Adds an entry or renews it.</summary>
    public void Set(CatalogKey key, byte[] value) => Change(key.Text, value);

    /// <summary>Removes an entry, if it is there.</summary>
    public void Remove(CatalogKey key) => Change(key.Text, null);

    /// <summary>Takes what has changed since the last call, and the state that it leads to.</summary>
    /// <returns>The version before those changes.</returns>
    public ulong TakeChanges(List<CatalogChange> changes, out CatalogState state)
    {
        lock (_lock)
        {
            foreach (var (key, value) in _unpublished)
            {
                changes.Add(new CatalogChange(key, value));
            }

            _unpublished.Clear();
            var before = _published;
            _published = _version;
            state = new CatalogState(_version, _digest);
            return before;
        }
    }

    /// <summary>All entries, and the state that they are.</summary>
    public CatalogChange[] Snapshot(out CatalogState state)
    {
        lock (_lock)
        {
            state = new CatalogState(_version, _digest);
            return [.. _entries.Select(static entry => new CatalogChange(entry.Key, entry.Value))];
        }
    }

    private void Change(string key, byte[]? value)
    {
        bool isFirst;
        lock (_lock)
        {
            var isKnown = _entries.TryGetValue(key, out var previous);
            if (value is null ? !isKnown : isKnown && previous.AsSpan().SequenceEqual(value))
            {
                return;
            }

            if (isKnown)
            {
                _digest ^= CatalogDigest.Of(key, previous);
            }

            if (value is null)
            {
                _entries.Remove(key);
            }
            else
            {
                _entries[key] = value;
                _digest ^= CatalogDigest.Of(key, value);
            }

            _version++;
            isFirst = _unpublished.Count == 0;
            _unpublished[key] = value;
        }

        if (isFirst)
        {
            Changed?.Invoke();
        }
    }
}
