using System.Globalization;

namespace Iii.Broker.Memory;

/// <summary>One queue: its groups, or the messages that wait for the first of them, and the deduplication keys it remembers.</summary>
internal sealed class MemoryQueue
{
    private readonly MemoryClock _clock;
    private readonly SortedDictionary<string, QueueGroup> _groups = new(BrokerNames.Utf8Order);
    private readonly Dictionary<string, EnqueueReceipt> _receipts = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, TimeSpan> _receiptsByExpiry = new();

    /// <summary>Holds what is enqueued while there is no group, and becomes the first one that is bound.</summary>
    private QueueGroup? _unbound;

    /// <summary>Who gets a copy of what is enqueued now.</summary>
    private QueueGroup[] _receivers;

    public MemoryQueue(string name, BrokerLimits limits, MemoryClock clock)
    {
        (Name, Limits, _clock) = (name, limits, clock);
        _unbound = new QueueGroup(this, clock);
        _receivers = [_unbound];
    }

    public string Name { get; }

    public BrokerLimits Limits { get; }

    /// <summary>Guards the queue, its groups, their entries and their consumers. No foreign code runs under it.</summary>
    public Lock Lock { get; } = new();

    public EnqueueReceipt Enqueue(StoredMessage message, EnqueueOptions options)
    {
        lock (Lock)
        {
            ForgetOldReceipts();
            if (options.DeduplicationKey is { } key && _receipts.TryGetValue(key, out var first))
            {
                return first with { IsDuplicate = true };
            }

            CheckRoom(options);
            foreach (var group in _receivers)
            {
                group.Add(message, options.Delay);
            }

            var receipt = new EnqueueReceipt(message.Id, Durability.Volatile);
            if (options.DeduplicationKey is not null)
            {
                _receipts[options.DeduplicationKey] = receipt;
                _receiptsByExpiry.Enqueue(options.DeduplicationKey, _clock.Now + options.DeduplicationWindow);
            }

            return receipt;
        }
    }

    public QueueGroup Bind(MemoryConsumer consumer)
    {
        lock (Lock)
        {
            var name = consumer.Subscription.Group;
            if (!_groups.TryGetValue(name, out var group))
            {
                group = _unbound ?? NewGroup();
                _unbound = null;
                group.Name = name;
                _groups[name] = group;
                _receivers = [.. _groups.Values];
            }

            consumer.Join(group);
            return group;
        }
    }

    public bool RemoveGroup(string name)
    {
        lock (Lock)
        {
            if (!_groups.TryGetValue(name, out var group))
            {
                return false;
            }

            if (group.ConsumerCount > 0)
            {
                throw new BrokerException(
                    BrokerErrorCodes.Conflict,
                    $"The group '{name}' of the queue '{Name}' has {group.ConsumerCount} consumers; dispose them before you remove it.");
            }

            _groups.Remove(name);
            group.Close();
            _unbound = _groups.Count == 0 ? new QueueGroup(this, _clock) : null;
            _receivers = _unbound is null ? [.. _groups.Values] : [_unbound];

            return true;
        }
    }

    public bool Cancel(string messageId)
    {
        lock (Lock)
        {
            var isCancelled = false;
            foreach (var group in _receivers)
            {
                isCancelled |= group.Cancel(messageId);
            }

            return isCancelled;
        }
    }

    public QueueStats GetStats()
    {
        lock (Lock)
        {
            return new QueueStats(Name, _unbound?.Count ?? 0, [.. _groups.Values.Select(group => group.Stats)]);
        }
    }

    public Page<DeadLetterRecord> ListDead(string name, PageRequest page)
    {
        lock (Lock)
        {
            if (!_groups.TryGetValue(name, out var group))
            {
                return new Page<DeadLetterRecord>([], null);
            }

            var after = page.After is null ? 0 : long.Parse(page.After, CultureInfo.InvariantCulture);
            var found = group.ListDead(after).Take(page.Limit + 1).ToList();
            var next = found.Count > page.Limit ? found[page.Limit - 1].Position.ToString(CultureInfo.InvariantCulture) : null;
            return new Page<DeadLetterRecord>([.. found.Take(page.Limit).Select(each => each.Record)], next);
        }
    }

    public bool Redrive(string name, string messageId)
    {
        lock (Lock)
        {
            return _groups.TryGetValue(name, out var group) && group.Redrive(messageId);
        }
    }

    public bool Discard(string name, string messageId)
    {
        lock (Lock)
        {
            return _groups.TryGetValue(name, out var group) && group.Discard(messageId);
        }
    }

    private QueueGroup NewGroup()
    {
        if (_groups.Count >= Limits.MaxNames)
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded, $"The queue '{Name}' has {_groups.Count} groups; no more are allowed. Remove some.");
        }

        return new QueueGroup(this, _clock);
    }

    private void CheckRoom(EnqueueOptions options)
    {
        if (options.DeduplicationKey is not null && _receipts.Count >= Limits.MaxQueueLength)
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded,
                $"The queue '{Name}' remembers {_receipts.Count} deduplication keys; no more are allowed. Use shorter windows.");
        }

        foreach (var group in _receivers)
        {
            if (group.Count >= Limits.MaxQueueLength)
            {
                throw new BrokerException(
                    BrokerErrorCodes.LimitExceeded,
                    $"The group '{group.Name ?? "(none bound yet)"}' of the queue '{Name}' holds {group.Count} messages; no more are allowed. "
                    + "Wait until some have been handled, or redrive or discard its dead letters.");
            }
        }
    }

    private void ForgetOldReceipts()
    {
        while (_receiptsByExpiry.TryPeek(out var key, out var expiry) && expiry <= _clock.Now)
        {
            _receiptsByExpiry.Dequeue();
            _receipts.Remove(key);
        }
    }
}
