using System.Globalization;
using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;
using Microsoft.Extensions.Logging;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>
/// The queues of a file: their tables, and what memory has of them, which is names, counts, the windows of the lines and what is
/// being handled. On the writer's thread, apart from what says otherwise.
/// </summary>
internal sealed class QueueStore : IParticipant
{
    /// <summary>A larger payload lies in a row of its own: in bytes, about half a page of the file.</summary>
    public const int MaxPayloadBesideMessage = 2 * 1024;

    /// <summary>The same, of a message that several groups get: a larger payload is shared between their copies.</summary>
    public const int MaxPayloadOfEachCopy = 256;

    /// <summary>Payload of one page of dead letters, in bytes: after the one that goes beyond it the page ends.</summary>
    private const int MaxPageBytes = 16 * 1024 * 1024;

    private readonly StorageClock _clock;
    private readonly SqliteBrokerOptions _options;
    private readonly ILogger _logger;
    private readonly MetaTable _meta;
    private readonly QueueTable _queueTable;
    private readonly Dictionary<string, StoredQueue> _queues = new(StringComparer.Ordinal);
    private readonly Dictionary<long, StoredQueue> _queuesById = [];
    private readonly Dictionary<long, StoredGroup> _groupsById = [];
    private readonly Dictionary<long, SqliteDelivery> _running = [];
    private readonly List<SqliteDelivery> _starting = [];
    private readonly List<SqliteDelivery> _settled = [];
    private readonly Queue<StoredGroup> _scheduled = new();
    private readonly Queue<long> _removed = new();
    private long _nextDue;
    private long _nextExpiry;

    public QueueStore(Database database, StorageClock clock, SqliteBrokerOptions options)
    {
        (_clock, _options) = (clock, options);
        _logger = options.LoggerFactory.CreateLogger<QueueStore>();
        _meta = new MetaTable(database);
        _queueTable = new QueueTable(database);
        Groups = new GroupTable(database);
        Messages = new MessageTable(database);
        Bodies = new BodyTable(database);
        Receipts = new ReceiptTable(database);
    }

    public GroupTable Groups { get; }

    public MessageTable Messages { get; }

    public BodyTable Bodies { get; }

    public ReceiptTable Receipts { get; }

    /// <summary>What is being handled, by the id of the copy.</summary>
    public IReadOnlyDictionary<long, SqliteDelivery> Running => _running;

    /// <summary>On any thread.</summary>
    public BrokerLimits Limits => _options.Limits;

    public LineWindow Window => _options.Window;

    /// <summary>On any thread.</summary>
    public TimeProvider Time => _clock.Provider;

    /// <summary>Told what a handler threw; on any thread.</summary>
    public Action<Exception> HandlerFailed => _options.HandlerFailed;

    /// <summary>On any thread.</summary>
    public long FileId => _meta.FileId;

    public long Now => _clock.Now;

    public DateTimeOffset UtcNow => StorageClock.ToDate(_clock.Now);

    public long WakesAt => Math.Min(_nextDue, _nextExpiry);

    public StoredQueue? Find(string name) => _queues.GetValueOrDefault(name);

    public StoredQueue GetOrAddQueue(string name)
    {
        if (_queues.TryGetValue(name, out var known))
        {
            return known;
        }

        if (_queues.Count >= Limits.MaxNames)
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded, $"There are {_queues.Count} queues; no more are allowed. Use fewer names.");
        }

        var queue = AddQueue(_queueTable.Insert(name), name);
        queue.Add(NewGroup(queue, null));
        return queue;
    }

    public Page<string> ListQueues(PageRequest page)
    {
        var names = _queues.Keys
            .Where(name => page.After is null || BrokerNames.Utf8Order.Compare(name, page.After) > 0)
            .Order(BrokerNames.Utf8Order)
            .Take(page.Limit + 1)
            .ToList();
        return names.Count > page.Limit
            ? new Page<string>(names[..page.Limit], names[page.Limit - 1])
            : new Page<string>(names, null);
    }

    public Page<DeadLetterRecord> ListDead(string queue, string groupName, long after, int limit)
    {
        if (Find(queue)?.Find(groupName) is not { } group)
        {
            return new Page<DeadLetterRecord>([], null);
        }

        var records = new List<DeadLetterRecord>();
        var (bytes, last) = (0L, after);
        foreach (var row in Messages.Dead(group.Id, after, limit + 1))
        {
            if (records.Count == limit || bytes >= MaxPageBytes)
            {
                return new Page<DeadLetterRecord>(records, last.ToString(CultureInfo.InvariantCulture));
            }

            records.Add(ToRecord(group, row));
            (bytes, last) = (bytes + records[^1].Payload.Length, row.Position);
        }

        return new Page<DeadLetterRecord>(records, null);
    }

    public StoredGroup NewGroup(StoredQueue queue, string? name)
    {
        var group = new StoredGroup(this, queue, Groups.Insert(queue.Id, name), name);
        _groupsById.Add(group.Id, group);
        return group;
    }

    public void Remove(StoredGroup group)
    {
        Groups.Remove(group.Id);
        _groupsById.Remove(group.Id);
        _removed.Enqueue(group.Id);
    }

    public long TakeNumbers(int count) => _meta.Take(count);

    public void Remember(StoredQueue queue, string key, long number, long expires)
    {
        Receipts.Insert(queue.Id, key, number, expires);
        queue.ReceiptCount++;
        _nextExpiry = Math.Min(_nextExpiry, expires);
    }

    public void Forget(StoredQueue queue, string key)
    {
        Receipts.Delete(queue.Id, key);
        queue.ReceiptCount--;
    }

    public void WakeAt(long due) => _nextDue = Math.Min(_nextDue, due);

    public void Schedule(StoredGroup group)
    {
        if (!group.IsScheduled)
        {
            group.IsScheduled = true;
            _scheduled.Enqueue(group);
        }
    }

    public void Delete(long messageId, long? body)
    {
        Messages.Delete(messageId);
        if (body is { } id)
        {
            Bodies.Release(id);
        }
    }

    /// <summary>The message is leased; its handler is called once that is on disk.</summary>
    public void Start(SqliteDelivery delivery)
    {
        delivery.Consumer.Running++;
        _running.Add(delivery.Entry.Id, delivery);
        _starting.Add(delivery);
    }

    public void Settle(SqliteDelivery delivery)
    {
        if (_running.Remove(delivery.Entry.Id))
        {
            delivery.Consumer.Running--;
            _settled.Add(delivery);
            delivery.Group.Settle(delivery);
        }
    }

    public void Undecodable(StoredGroup group, MessageRow row) =>
        _logger.Undecodable(MessageIds.Format(FileId, row.Number), group.Queue.Name, group.Name);

    public bool Work()
    {
        var now = Now;
        var hasMore = _nextExpiry <= now && ForgetExpired(now);
        hasMore |= _nextDue <= now && PromoteDue(now);
        hasMore |= _removed.Count > 0 && DeleteRemoved();
        return Deliver() || hasMore;
    }

    public void Committed()
    {
        _settled.Clear();
        foreach (var delivery in _starting)
        {
            delivery.Consumer.Handle(delivery);
        }

        _starting.Clear();
    }

    public void Load()
    {
        TakeBackDeliveries();
        _meta.Load();
        LoadNames();
        foreach (var (state, group, count) in Messages.Counts())
        {
            _groupsById.GetValueOrDefault(group)?.SetCount(state, count);
        }

        foreach (var (queue, count) in Receipts.Counts())
        {
            _queuesById[queue].ReceiptCount = count;
        }

        _nextDue = Messages.NextDue();
        _nextExpiry = Receipts.NextExpiry();
        foreach (var group in _groupsById.Values)
        {
            group.Resume();
            Schedule(group);
        }
    }

    public void Broken()
    {
        var why = new AttemptFailure(AttemptFailure.ConsumerLost, "The file was closed.");
        foreach (var delivery in _running.Values)
        {
            delivery.Consumer.Break();
            if (delivery.TryAbandon(why))
            {
                delivery.Cancel();
            }
        }
    }

    private StoredQueue AddQueue(long id, string name)
    {
        var queue = new StoredQueue(this, id, name);
        _queues.Add(name, queue);
        _queuesById.Add(id, queue);
        return queue;
    }

    /// <summary>What was started did not happen, what was settled is still to be settled; what was given up is lost.</summary>
    private void TakeBackDeliveries()
    {
        foreach (var delivery in _settled)
        {
            _running[delivery.Entry.Id] = delivery;
        }

        foreach (var delivery in _starting.Concat(_running.Values.Where(delivery => delivery.IsGivenUp)).ToList())
        {
            _running.Remove(delivery.Entry.Id);
        }

        _settled.Clear();
        _starting.Clear();
        foreach (var consumer in _groupsById.Values.SelectMany(group => group.Consumers))
        {
            consumer.Running = _running.Values.Count(delivery => delivery.Consumer == consumer);
            consumer.SignalIfDrained();
        }
    }

    /// <summary>Queues and groups; those that memory has keep their identity, and with it their consumers.</summary>
    private void LoadNames()
    {
        var queues = new Dictionary<long, StoredQueue>(_queuesById);
        var groups = new Dictionary<long, StoredGroup>(_groupsById);
        _queues.Clear();
        _queuesById.Clear();
        _groupsById.Clear();
        _scheduled.Clear();
        _removed.Clear();
        foreach (var (id, name) in _queueTable.All())
        {
            var queue = queues.GetValueOrDefault(id) ?? new StoredQueue(this, id, name);
            queue.Clear();
            _queues.Add(name, queue);
            _queuesById.Add(id, queue);
        }

        foreach (var (id, queueId, name, isRemoved) in Groups.All())
        {
            if (isRemoved)
            {
                _removed.Enqueue(id);
                continue;
            }

            var group = groups.GetValueOrDefault(id) ?? new StoredGroup(this, _queuesById[queueId], id, name);
            group.Reset(name);
            _groupsById.Add(id, group);
            group.Queue.Add(group);
        }
    }

    private bool ForgetExpired(long now)
    {
        var expired = Receipts.Expired(now, Writer.MaxBatch);
        foreach (var (queue, key) in expired)
        {
            Forget(_queuesById[queue], key);
        }

        _nextExpiry = Receipts.NextExpiry();
        return _nextExpiry <= now;
    }

    private bool PromoteDue(long now)
    {
        foreach (var due in Messages.Due(now, Writer.MaxBatch))
        {
            if (_groupsById.TryGetValue(due.Group, out var group))
            {
                group.Promote(due);
            }
            else
            {
                Delete(due.Entry.Id, due.Body);
            }
        }

        _nextDue = Messages.NextDue();
        return _nextDue <= now;
    }

    private bool DeleteRemoved()
    {
        var some = Messages.Any(_removed.Peek(), Writer.MaxBatch);
        foreach (var (id, body) in some)
        {
            Delete(id, body);
        }

        if (some.Count == 0)
        {
            Groups.Delete(_removed.Dequeue());
        }

        return _removed.Count > 0;
    }

    private bool Deliver()
    {
        var budget = Writer.MaxBatch;
        for (var count = _scheduled.Count; count > 0 && budget > 0; count--)
        {
            var group = _scheduled.Dequeue();
            group.IsScheduled = false;
            if (group.Deliver(ref budget))
            {
                Schedule(group);
            }
        }

        return _scheduled.Count > 0;
    }

    private DeadLetterRecord ToRecord(StoredGroup group, MessageRow row)
    {
        var failures = RecordCodec.DecodeFailures(row.Failures) is { Count: > 0 } known
            ? known
            :
            [
                new AttemptRecord(
                    row.Attempt,
                    StorageClock.ToDate(row.Time),
                    new AttemptFailure(SqliteQueueBroker.UndecodableMessage, "Its history cannot be read from the file.")),
            ];
        return new DeadLetterRecord
        {
            Queue = group.Queue.Name,
            Group = group.Name ?? "",
            MessageId = MessageIds.Format(FileId, row.Number),
            Payload = row.Payload ?? (row.Body is { } body ? Bodies.Read(body) : null) ?? [],
            Headers = RecordCodec.DecodeHeaders(row.Headers) ?? RecordCodec.DecodeHeaders([])!,
            OrderingKey = row.OrderingKey,
            Priority = row.Priority,
            Reason = failures[^1].Failure,
            Attempts = row.Attempt,
            Failures = failures,
            EnqueuedAt = StorageClock.ToDate(row.Enqueued),
            DeadAt = StorageClock.ToDate(row.Time),
        };
    }
}
