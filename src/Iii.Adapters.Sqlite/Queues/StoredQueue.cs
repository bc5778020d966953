using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>One queue: its groups, or the nameless one that holds the messages until the first is bound. On the writer's thread only.</summary>
internal sealed class StoredQueue(QueueStore store, long id, string name)
{
    private readonly SortedDictionary<string, StoredGroup> _groups = new(BrokerNames.Utf8Order);

    /// <summary>Holds what is enqueued while there is no group, and becomes the first one that is bound.</summary>
    private StoredGroup? _unbound;

    /// <summary>Who gets a copy of what is enqueued now.</summary>
    private StoredGroup[] _receivers = [];

    public long Id => id;

    public string Name => name;

    /// <summary>How many deduplication keys are remembered.</summary>
    public int ReceiptCount { get; set; }

    /// <summary>A group that the file has.</summary>
    public void Add(StoredGroup group)
    {
        if (group.Name is null)
        {
            _unbound = group;
        }
        else
        {
            _groups[group.Name] = group;
        }

        UpdateReceivers();
    }

    /// <summary>Forgets everything, since memory is made anew.</summary>
    public void Clear()
    {
        _groups.Clear();
        _unbound = null;
        ReceiptCount = 0;
        UpdateReceivers();
    }

    public StoredGroup? Find(string group) => _groups.GetValueOrDefault(group);

    public EnqueueReceipt Enqueue(EnqueueOperation operation)
    {
        var options = operation.Options;
        var now = store.Now;
        if (options.DeduplicationKey is { } key && store.Receipts.Find(id, key) is { } first)
        {
            if (first.Expires > now)
            {
                return new EnqueueReceipt(MessageIds.Format(store.FileId, first.Number), Durability.Synced, IsDuplicate: true);
            }

            store.Forget(this, key);
        }

        CheckRoom(options);
        var number = store.TakeNumbers(_receivers.Length);
        var isApart = operation.Payload.Length > (_receivers.Length == 1 ? QueueStore.MaxPayloadBesideMessage : QueueStore.MaxPayloadOfEachCopy);
        long? body = isApart ? store.Bodies.Insert(operation.Payload, _receivers.Length) : null;
        for (var copy = 0; copy < _receivers.Length; copy++)
        {
            _receivers[copy].Add(operation, number, copy, body, now);
        }

        if (options.DeduplicationKey is not null)
        {
            store.Remember(this, options.DeduplicationKey, number, now + options.DeduplicationWindow.Ticks);
        }

        return new EnqueueReceipt(MessageIds.Format(store.FileId, number), Durability.Synced);
    }

    public void Bind(SqliteConsumer consumer)
    {
        var groupName = consumer.Subscription.Group;
        if (!_groups.TryGetValue(groupName, out var group))
        {
            group = _unbound ?? NewGroup(groupName);
            _unbound = null;
            group.Name = groupName;
            store.Groups.Name(group.Id, groupName);
            _groups[groupName] = group;
            UpdateReceivers();
        }

        group.Add(consumer);
    }

    public bool RemoveGroup(string groupName)
    {
        if (!_groups.TryGetValue(groupName, out var group))
        {
            return false;
        }

        if (group.Consumers.Count > 0)
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict,
                $"The group '{groupName}' of the queue '{name}' has {group.Consumers.Count} consumers; dispose them before you remove it.");
        }

        _groups.Remove(groupName);
        store.Remove(group);
        if (_groups.Count == 0)
        {
            _unbound = store.NewGroup(this, null);
        }

        UpdateReceivers();
        return true;
    }

    public bool Cancel(long number)
    {
        var isCancelled = false;
        foreach (var (row, groupId) in store.Messages.Find(number))
        {
            isCancelled |= Array.Find(_receivers, group => group.Id == groupId)?.Cancel(row) ?? false;
        }

        return isCancelled;
    }

    public QueueStats GetStats() => new(name, _unbound?.Count ?? 0, [.. _groups.Values.Select(group => group.Stats)]);

    private StoredGroup NewGroup(string groupName)
    {
        if (_groups.Count >= store.Limits.MaxNames)
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded, $"The queue '{name}' has {_groups.Count} groups; no more are allowed. Remove some.");
        }

        return store.NewGroup(this, groupName);
    }

    private void CheckRoom(EnqueueOptions options)
    {
        var most = store.Limits.MaxQueueLength;
        if (options.DeduplicationKey is not null && ReceiptCount >= most)
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded,
                $"The queue '{name}' remembers {ReceiptCount} deduplication keys; no more are allowed. Use shorter windows.");
        }

        foreach (var group in _receivers)
        {
            if (group.Count >= most)
            {
                throw new BrokerException(
                    BrokerErrorCodes.LimitExceeded,
                    $"The group '{group.Name ?? "(none bound yet)"}' of the queue '{name}' holds {group.Count} messages; no more are allowed. "
                    + "Wait until some have been handled, or redrive or discard its dead letters.");
            }
        }
    }

    private void UpdateReceivers() => _receivers = _unbound is null ? [.. _groups.Values] : [_unbound];
}
