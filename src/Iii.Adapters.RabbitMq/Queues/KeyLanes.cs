namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// One lane per ordering key. The head of a lane stays there until it is settled for good, so that nothing behind it moves while it
/// is handled or waits for its next attempt. Lanes take turns. Guarded by its consumer's lock.
/// </summary>
internal sealed class KeyLanes
{
    /// <summary>Messages without a key share a lane. No key is empty, so this cannot be one.</summary>
    private const string NoKey = "";

    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);
    private readonly Queue<Lane> _ready = new();

    /// <summary>The first of each lane.</summary>
    public IEnumerable<DeliveryRun> Heads => _lanes.Values.Select(static lane => lane.Runs.First!.Value);

    public void Join(DeliveryRun run)
    {
        var key = run.Record.OrderingKey ?? NoKey;
        if (!_lanes.TryGetValue(key, out var lane))
        {
            _lanes[key] = lane = new Lane(key);
        }

        lane.Runs.AddLast(run);
        if (lane.Runs.Count == 1)
        {
            _ready.Enqueue(lane);
        }
    }

    /// <summary>The head of a lane that may move; the lane then stands still until <see cref="Leave"/> or <see cref="Repeat"/>.</summary>
    public DeliveryRun? TakeNext() => _ready.TryDequeue(out var lane) ? lane.Runs.First!.Value : null;

    /// <summary>The head was taken and is settled for good.</summary>
    public void Leave(DeliveryRun run)
    {
        if (_lanes.TryGetValue(run.Record.OrderingKey ?? NoKey, out var lane) && lane.Runs.First?.Value == run)
        {
            lane.Runs.RemoveFirst();
            if (lane.Runs.Count > 0)
            {
                _ready.Enqueue(lane);
            }
            else
            {
                _lanes.Remove(lane.Key);
            }
        }
    }

    /// <summary>The head was taken, and another run takes its place.</summary>
    public void Replace(DeliveryRun run, DeliveryRun next)
    {
        if (_lanes.TryGetValue(run.Record.OrderingKey ?? NoKey, out var lane) && lane.Runs.First?.Value == run)
        {
            lane.Runs.First.Value = next;
        }
    }

    /// <summary>The head took the place of another, and is to be taken itself.</summary>
    public void Repeat(DeliveryRun run)
    {
        if (_lanes.TryGetValue(run.Record.OrderingKey ?? NoKey, out var lane) && lane.Runs.First?.Value == run)
        {
            _ready.Enqueue(lane);
        }
    }

    public void Clear()
    {
        _lanes.Clear();
        _ready.Clear();
    }

    private sealed class Lane(string key)
    {
        public string Key => key;

        public LinkedList<DeliveryRun> Runs { get; } = [];
    }
}
