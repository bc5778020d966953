namespace Iii.Engine.Cluster.Catalogs;

/// <summary>This instance's copy of another one's catalog.</summary>
/// <remarks>Not thread-safe: the membership's lock is held around it.</remarks>
internal sealed class CatalogCopy
{
    private Dictionary<string, byte[]> _entries = new(StringComparer.Ordinal);

    /// <summary>How far it has come; as long as nothing was applied, that of an empty catalog.</summary>
    public CatalogState State { get; private set; }

    public int Count => _entries.Count;

    /// <summary>
    /// Applies a delta. It sets every entry that changed after <paramref name="from"/> to what it is at <paramref name="to"/>, so it fits
    /// every copy in between.
    /// </summary>
    /// <returns>False when changes before it are missing: only a snapshot helps.</returns>
    public bool TryApply(ulong from, ulong to, ReadOnlySpan<CatalogChange> changes, List<CatalogEffect> effects)
    {
        if (to <= State.Version)
        {
            return true;
        }

        if (from > State.Version)
        {
            return false;
        }

        var digest = State.Digest;
        foreach (var change in changes)
        {
            Set(change, ref digest, effects);
        }

        State = new CatalogState(to, digest);
        return true;
    }

    /// <summary>Replaces everything, unless the snapshot is older than the copy.</summary>
    public void Replace(ulong version, ReadOnlySpan<CatalogChange> entries, List<CatalogEffect> effects)
    {
        if (version < State.Version)
        {
            return;
        }

        var digest = State.Digest;
        var kept = new HashSet<string>(entries.Length, StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            kept.Add(entry.Key);
            Set(entry, ref digest, effects);
        }

        foreach (var key in _entries.Keys.Where(key => !kept.Contains(key)).ToArray())
        {
            Set(new CatalogChange(key, null), ref digest, effects);
        }

        State = new CatalogState(version, digest);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear(List<CatalogEffect> effects)
    {
        foreach (var key in _entries.Keys)
        {
            effects.Add(new CatalogEffect(key, null, IsNew: false));
        }

        _entries = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        State = default;
    }

    private void Set(CatalogChange change, ref UInt128 digest, List<CatalogEffect> effects)
    {
        var isKnown = _entries.TryGetValue(change.Key, out var previous);
        if (change.Value is null ? !isKnown : isKnown && previous.AsSpan().SequenceEqual(change.Value))
        {
            return;
        }

        if (isKnown)
        {
            digest ^= CatalogDigest.Of(change.Key, previous);
        }

        if (change.Value is null)
        {
            _entries.Remove(change.Key);
        }
        else
        {
            _entries[change.Key] = change.Value;
            digest ^= CatalogDigest.Of(change.Key, change.Value);
        }

        effects.Add(new CatalogEffect(change.Key, change.Value, IsNew: !isKnown));
    }
}
