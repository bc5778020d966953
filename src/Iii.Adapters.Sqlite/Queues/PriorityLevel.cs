namespace Iii.Adapters.Sqlite.Queues;

/// <summary>The waiting entries of one priority, in order: a window of them in memory, the rest in the file.</summary>
internal sealed class PriorityLevel(LineReader reader, LineWindow window, int priority)
{
    private readonly Queue<LineEntry> _loaded = new();

    /// <summary>Everything up to here was looked at.</summary>
    private long _cursor;

    /// <summary>Everything was looked at.</summary>
    private bool _isComplete;

    public void Join(LineEntry entry)
    {
        if (_isComplete && _loaded.Count < window.MaxLoaded)
        {
            _loaded.Enqueue(entry);
            _cursor = entry.Position;
        }
        else
        {
            _isComplete = false;
        }
    }

    public bool TryPeek(out LineEntry head)
    {
        while (_loaded.Count == 0 && !_isComplete)
        {
            Load();
        }

        return _loaded.TryPeek(out head);
    }

    public void Take() => _loaded.Dequeue();

    private void Load()
    {
        var page = reader.Level(priority, _cursor, window.PageSize);
        foreach (var entry in page)
        {
            _cursor = entry.Position;
            if (!reader.IsRunning(entry))
            {
                _loaded.Enqueue(entry);
            }
        }

        _isComplete = page.Count < window.PageSize;
    }
}
