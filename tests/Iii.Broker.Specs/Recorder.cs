namespace Iii.Broker.Specs;

/// <summary>Collects what handlers see, from any thread, and lets a test wait for it.</summary>
public sealed class Recorder<T>
{
    private readonly Lock _lock = new();
    private readonly List<T> _items = [];

    /// <summary>What has come so far, in order.</summary>
    public IReadOnlyList<T> Items
    {
        get
        {
            lock (_lock)
            {
                return _items.ToArray();
            }
        }
    }

    /// <summary>Adds one.</summary>
    public void Add(T item)
    {
        lock (_lock)
        {
            _items.Add(item);
        }
    }

    /// <summary>Waits until there are so many, and returns all there are by then.</summary>
    public async Task<IReadOnlyList<T>> WaitForAsync(int count)
    {
        await Eventually.HoldsAsync($"{count} have come, but {Items.Count} have", () => Items.Count >= count);
        return Items;
    }
}
