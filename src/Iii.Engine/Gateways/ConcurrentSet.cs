using System.Collections.Concurrent;

namespace Iii.Engine.Gateways;

/// <summary>A set that many threads may read while one changes it.</summary>
internal sealed class ConcurrentSet<T>
    where T : notnull
{
    private readonly ConcurrentDictionary<T, byte> _items = new();

    public int Count => _items.Count;

    public IEnumerable<T> Items => _items.Keys;

    public bool Contains(T item) => _items.ContainsKey(item);

    public bool Add(T item) => _items.TryAdd(item, 0);

    public bool Remove(T item) => _items.TryRemove(item, out _);
}
