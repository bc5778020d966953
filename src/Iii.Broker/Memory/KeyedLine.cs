namespace Iii.Broker.Memory;

/// <summary>
/// One lane per ordering key. The head of a lane stays there from its first delivery until it leaves, so that nothing behind it
/// moves while it is handled or waits for its next attempt. Lanes take turns.
/// </summary>
internal sealed class KeyedLine : IWaitingLine
{
    /// <summary>Messages without a key share a lane. No key is empty, so this cannot be one.</summary>
    private const string NoKey = "";

    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);
    private readonly LinkedList<Lane> _ready = [];

    public void Join(QueueEntry entry)
    {
        var key = entry.Message.OrderingKey ?? NoKey;
        if (!_lanes.TryGetValue(key, out var lane))
        {
            _lanes[key] = lane = new Lane(key);
        }

        if (entry.HoldsLane)
        {
            lane.IsBusy = false;
        }
        else
        {
            lane.Entries.AddLast(entry.Node);
        }

        Update(lane);
    }

    public QueueEntry? TakeNext()
    {
        if (_ready.First is not { Value: var lane })
        {
            return null;
        }

        var entry = lane.Entries.First!.Value;
        entry.HoldsLane = true;
        lane.IsBusy = true;
        Update(lane);
        return entry;
    }

    public void Leave(QueueEntry entry)
    {
        if (!entry.HoldsLane)
        {
            return;
        }

        var lane = _lanes[entry.Message.OrderingKey ?? NoKey];
        entry.HoldsLane = false;
        lane.IsBusy = false;
        lane.Entries.Remove(entry.Node);
        Update(lane);
    }

    public void Remove(QueueEntry entry)
    {
        var lane = _lanes[entry.Message.OrderingKey ?? NoKey];
        if (entry.HoldsLane)
        {
            Leave(entry);
            return;
        }

        lane.Entries.Remove(entry.Node);
        Update(lane);
    }

    public IReadOnlyList<QueueEntry> Empty()
    {
        var entries = _lanes.Values.SelectMany(lane => lane.Entries).OrderBy(entry => entry.Sequence).ToList();
        foreach (var entry in entries)
        {
            entry.HoldsLane = false;
            entry.Node.List!.Remove(entry.Node);
        }

        _lanes.Clear();
        _ready.Clear();
        return entries.FindAll(entry => entry.State == EntryState.Waiting);
    }

    /// <summary>Makes a lane ready, or not, or forgets it, by what it is now.</summary>
    private void Update(Lane lane)
    {
        var isReady = !lane.IsBusy && lane.Entries.Count > 0;
        if (isReady && lane.Turn.List is null)
        {
            _ready.AddLast(lane.Turn);
        }
        else if (!isReady && lane.Turn.List is not null)
        {
            _ready.Remove(lane.Turn);
        }

        if (lane.Entries.Count == 0)
        {
            _lanes.Remove(lane.Key);
        }
    }

    private sealed class Lane
    {
        public Lane(string key)
        {
            Key = key;
            Turn = new LinkedListNode<Lane>(this);
        }

        public string Key { get; }

        public LinkedList<QueueEntry> Entries { get; } = [];

        public LinkedListNode<Lane> Turn { get; }

        /// <summary>Its head is being handled or waits for its next attempt.</summary>
        public bool IsBusy { get; set; }
    }
}
