namespace Iii.Adapters.Sqlite.Queues;

/// <summary>
/// One lane per ordering key. The head of a lane stays there from its first delivery until it leaves, so that nothing behind it
/// moves while it is handled or waits for its next attempt. Lanes take turns.
/// </summary>
/// <remarks>
/// In memory are the lanes that are ready or whose head is being handled, with some entries of each. A lane whose head waits for its
/// next attempt is only in the file, where it is found by that head. So memory is bounded, whatever waits.
/// </remarks>
internal sealed class KeyedLine(LineReader reader, LineWindow window, long heldCount) : IWaitingLine
{
    private readonly Dictionary<long, Lane> _lanes = [];
    private readonly Queue<Lane> _ready = new();
    private int _loaded;
    private long _heldCount = heldCount;

    /// <summary>Every entry up to here was looked at: it is in its lane, or its lane knows that there is more in the file.</summary>
    private long _cursor;

    /// <summary>Everything was looked at, and what joins is looked at as it comes.</summary>
    private bool _isComplete;

    public bool HasMore => !_isComplete && _ready.Count == 0;

    public void Join(LineEntry entry)
    {
        if (!_isComplete)
        {
            return;
        }

        var lane = _lanes.GetValueOrDefault(entry.Lane);
        if (lane is null && IsHeld(entry.Lane))
        {
            return;
        }

        if (lane is null && _loaded >= window.MaxLoaded)
        {
            _isComplete = false;
            _cursor = entry.Position - 1;
            return;
        }

        Append(lane ?? AddLane(entry.Lane), entry);
    }

    public bool TryPass(LineEntry entry)
    {
        if (!_isComplete || _ready.Count > 0 || _lanes.ContainsKey(entry.Lane) || IsHeld(entry.Lane))
        {
            return false;
        }

        Occupy(entry);
        return true;
    }

    public bool TryTakeNext(out LineEntry next)
    {
        for (var pages = 0; ;)
        {
            while (_ready.TryDequeue(out var lane))
            {
                lane.IsReady = false;
                if (lane.IsBusy)
                {
                    continue;
                }

                if (TryTake(lane, out next))
                {
                    lane.Handling++;
                    return true;
                }

                _lanes.Remove(lane.Key);
            }

            if (_isComplete || pages++ == window.MaxPages)
            {
                next = default;
                return false;
            }

            Load();
        }
    }

    public void Leave(LineEntry entry)
    {
        if (EndHandling(entry) is not { IsBusy: false } lane)
        {
            return;
        }

        if (lane.Loaded.Count > 0 || lane.HasMore)
        {
            MakeReady(lane);
        }
        else
        {
            _lanes.Remove(lane.Key);
        }
    }

    /// <summary>An entry that is being handled, when the line is made.</summary>
    public void Occupy(LineEntry entry) => (_lanes.GetValueOrDefault(entry.Lane) ?? AddLane(entry.Lane)).Handling++;

    /// <summary>It was taken, and is to be delivered again at once: it is still the head of its lane.</summary>
    public void Return(LineEntry entry)
    {
        if (EndHandling(entry) is not { IsBusy: false } lane)
        {
            return;
        }

        lane.Head = entry;
        MakeReady(lane);
    }

    /// <summary>It was taken, and waits for its next attempt: its lane is in the file alone until then.</summary>
    public void Hold(LineEntry entry)
    {
        _heldCount++;
        if (_lanes.Remove(entry.Lane, out var lane))
        {
            _loaded -= lane.Loaded.Count;
        }
    }

    /// <summary>A head that was held is to be delivered now.</summary>
    public void Resume(LineEntry entry) => Release(entry.Lane).Head = entry;

    /// <summary>A head that was held has gone: the next of its lane has its turn.</summary>
    public void ReleaseLane(long key) => Release(key);

    private Lane Release(long key)
    {
        _heldCount--;
        var lane = _lanes.GetValueOrDefault(key) ?? AddLane(key);
        lane.HasMore = true;
        MakeReady(lane);
        return lane;
    }

    private bool IsHeld(long lane) => _heldCount > 0 && reader.IsHeld(lane);

    /// <summary>
    /// The lane of an entry that is handled no more; null when the file alone knows it. A lane has more than one that is handled only
    /// when consumers without order have left and their last verdicts are still owed.
    /// </summary>
    private Lane? EndHandling(LineEntry entry)
    {
        var lane = _lanes.GetValueOrDefault(entry.Lane);
        if (lane is not null && --lane.Handling > 0)
        {
            _loaded -= lane.Loaded.Count;
            lane.Loaded.Clear();
            lane.LoadedTo = 0;
            lane.HasMore = true;
        }

        return lane;
    }

    private Lane AddLane(long key)
    {
        var lane = new Lane(key);
        _lanes.Add(key, lane);
        return lane;
    }

    private void MakeReady(Lane lane)
    {
        if (!lane.IsReady)
        {
            lane.IsReady = true;
            _ready.Enqueue(lane);
        }
    }

    /// <summary>Puts an entry behind those of its lane, in memory or by knowing that it is in the file.</summary>
    private void Append(Lane lane, LineEntry entry)
    {
        if (lane.HasMore || lane.Loaded.Count >= window.LanePageSize || (lane.IsBusy && _loaded >= window.MaxLoaded))
        {
            lane.HasMore = true;
        }
        else
        {
            lane.Loaded.Enqueue(entry);
            lane.LoadedTo = entry.Position;
            _loaded++;
        }

        if (!lane.IsBusy)
        {
            MakeReady(lane);
        }
    }

    private bool TryTake(Lane lane, out LineEntry next)
    {
        if (lane.Head is { } head)
        {
            next = head;
            lane.Head = null;
            return true;
        }

        if (lane.Loaded.Count == 0 && lane.HasMore)
        {
            Load(lane);
        }

        if (!lane.Loaded.TryDequeue(out next))
        {
            return false;
        }

        _loaded--;
        return true;
    }

    /// <summary>Reads the next entries of a lane, as far as the line has been looked at.</summary>
    private void Load(Lane lane)
    {
        var page = reader.Lane(lane.Key, lane.LoadedTo, window.LanePageSize);
        lane.HasMore = page.Count == window.LanePageSize;
        foreach (var entry in page)
        {
            if (!_isComplete && entry.Position > _cursor)
            {
                lane.HasMore = false;
                break;
            }

            lane.LoadedTo = entry.Position;
            lane.Loaded.Enqueue(entry);
            _loaded++;
        }
    }

    /// <summary>Looks at the next entries of the line.</summary>
    private void Load()
    {
        var page = reader.Line(_cursor, window.PageSize);
        foreach (var entry in page)
        {
            _cursor = entry.Position;
            if (reader.IsRunning(entry))
            {
                continue;
            }

            var lane = _lanes.GetValueOrDefault(entry.Lane);
            if (lane is not null || !IsHeld(entry.Lane))
            {
                Append(lane ?? AddLane(entry.Lane), entry);
            }
        }

        _isComplete = page.Count < window.PageSize;
    }

    private sealed class Lane(long key)
    {
        public long Key => key;

        /// <summary>The head, when it was delivered before and is to be again.</summary>
        public LineEntry? Head { get; set; }

        /// <summary>Those behind the head that are in memory.</summary>
        public Queue<LineEntry> Loaded { get; } = new();

        /// <summary>The position of the last one that came into memory; what the lane has behind it is in the file.</summary>
        public long LoadedTo { get; set; }

        /// <summary>There is, or may be, an entry behind <see cref="LoadedTo"/> that was looked at and is not in memory.</summary>
        public bool HasMore { get; set; }

        /// <summary>How many of it are being handled: its head.</summary>
        public int Handling { get; set; }

        public bool IsBusy => Handling > 0;

        /// <summary>It waits for its turn.</summary>
        public bool IsReady { get; set; }
    }
}
