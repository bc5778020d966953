using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>
/// One group of a queue: how many messages it has where, and its consumers. The messages are in the file. On the writer's thread
/// only.
/// </summary>
internal sealed class StoredGroup(QueueStore store, StoredQueue queue, long id, string? name)
{
    private readonly List<SqliteConsumer> _consumers = [];
    private readonly int[] _counts = new int[Enum.GetValues<MessageState>().Length];

    /// <summary>Null while nobody consumes: then the file alone has the line.</summary>
    private IWaitingLine? _line;
    private int _delivering;
    private int _turn;

    public long Id => id;

    public StoredQueue Queue => queue;

    /// <summary>Null until the group is bound.</summary>
    public string? Name { get; set; } = name;

    public int Count => _counts.Sum();

    public IReadOnlyList<SqliteConsumer> Consumers => _consumers;

    /// <summary>It is among those that <see cref="QueueStore.Work"/> looks at next.</summary>
    public bool IsScheduled { get; set; }

    public GroupStats Stats => new(Name ?? "")
    {
        Waiting = _counts[(int)MessageState.InLine] - _delivering,
        Delayed = _counts[(int)MessageState.Delayed],
        Delivering = _delivering,
        Dead = _counts[(int)MessageState.Dead],
        Consumers = _consumers.Count,
    };

    /// <summary>Makes memory anew: the counts come with <see cref="SetCount"/>, the line looks at the file again.</summary>
    public void Reset(string? nameInFile)
    {
        Name = nameInFile;
        Array.Clear(_counts);
        _delivering = 0;
        _line = null;
        IsScheduled = false;
    }

    public void SetCount(MessageState state, int count) => _counts[(int)state] = count;

    /// <summary>After <see cref="Reset"/>: goes on with the consumers that there are.</summary>
    public void Resume()
    {
        _delivering = store.Running.Values.Count(delivery => delivery.Group == this);
        UseLine();
    }

    /// <summary>Stores a copy of a new message, and delivers it without a detour if nothing waits before it.</summary>
    public void Add(EnqueueOperation operation, long number, int copy, long? body, long now)
    {
        var options = operation.Options;
        var entry = new LineEntry(number + copy, number + copy, operation.Lane, options.Priority);
        var state = options.Delay > TimeSpan.Zero ? MessageState.Delayed : MessageState.InLine;
        var consumer = state == MessageState.InLine ? FindFreeConsumer() : null;
        var passes = consumer is not null && _line!.TryPass(entry);
        var time = state == MessageState.Delayed ? now + options.Delay.Ticks : 0;
        store.Messages.Insert(
            entry, copy, id, state, passes, time, now, options.OrderingKey, operation.EncodedHeaders, body, operation.Payload);
        _counts[(int)state]++;
        if (passes)
        {
            Start(consumer!, entry, operation.ToMessage(number, Storage.StorageClock.ToDate(now)), 1, [], body);
        }
        else if (state == MessageState.InLine)
        {
            Join(entry);
        }
        else
        {
            store.WakeAt(time);
        }
    }

    public void Add(SqliteConsumer consumer)
    {
        var ordering = consumer.Subscription.Ordering;
        if (_consumers.Count > 0 && _consumers[0].Subscription.Ordering != ordering)
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict,
                $"The group '{Name}' of the queue '{queue.Name}' is consumed with ordering {_consumers[0].Subscription.Ordering}, "
                + $"not {ordering}; all consumers of a group at one time must agree, or use different groups.");
        }

        consumer.Group = this;
        if (_consumers.Contains(consumer))
        {
            return; // The transaction of its first time has failed.
        }

        _consumers.Add(consumer);
        if (_consumers.Count == 1)
        {
            UseLine();
        }

        store.Schedule(this);
    }

    public void Remove(SqliteConsumer consumer)
    {
        if (_consumers.Remove(consumer) && _consumers.Count == 0)
        {
            _line = null;
        }
    }

    /// <summary>Starts as many deliveries as waiting messages, free consumers and the budget allow.</summary>
    /// <returns>True when there may be more for free consumers.</returns>
    public bool Deliver(ref int budget)
    {
        while (FindFreeConsumer() is { } consumer)
        {
            if (budget == 0)
            {
                return true;
            }

            if (!_line!.TryTakeNext(out var entry))
            {
                return _line.HasMore;
            }

            budget--;
            Claim(consumer, entry);
        }

        return false;
    }

    /// <summary>Carries out the verdict of a delivery.</summary>
    public void Settle(SqliteDelivery delivery)
    {
        _delivering--;
        switch (delivery.Verdict)
        {
            case QueueVerdict.Acknowledged:
                Delete(delivery.Entry.Id, delivery.Body, MessageState.InLine);
                _line?.Leave(delivery.Entry);
                break;
            case QueueVerdict.Retried retried:
                Retry(delivery, retried);
                break;
            case QueueVerdict.DeadLettered dead:
                Bury(delivery.Entry, delivery.FailuresWith(dead.Reason, store.UtcNow));
                _line?.Leave(delivery.Entry);
                break;
        }

        store.Schedule(this);
    }

    /// <summary>The time of a delayed message has come.</summary>
    public void Promote(DueMessage due)
    {
        Move(MessageState.Delayed, MessageState.InLine);
        if (due.Holds)
        {
            store.Messages.Promote(due.Entry.Id, due.Entry.Position);
            (_line as KeyedLine)?.Resume(due.Entry);
            store.Schedule(this);
        }
        else
        {
            var entry = due.Entry with { Position = store.TakeNumbers(1) };
            store.Messages.Promote(entry.Id, entry.Position);
            Join(entry);
        }
    }

    public bool Cancel(MessageRow row)
    {
        if (row.State == MessageState.Dead || store.Running.ContainsKey(row.Id))
        {
            return false;
        }

        Delete(row.Id, row.Body, row.State);
        if (row.Holds)
        {
            (_line as KeyedLine)?.ReleaseLane(row.Lane);
            store.Schedule(this);
        }

        return true;
    }

    public bool Redrive(long number)
    {
        if (FindDead(number) is not { } row)
        {
            return false;
        }

        Move(MessageState.Dead, MessageState.InLine);
        var entry = row.Entry with { Position = store.TakeNumbers(1) };
        store.Messages.Redrive(entry.Id, entry.Position);
        Join(entry);
        return true;
    }

    public bool Discard(long number)
    {
        if (FindDead(number) is not { } row)
        {
            return false;
        }

        Delete(row.Id, row.Body, MessageState.Dead);
        return true;
    }

    private void Claim(SqliteConsumer consumer, LineEntry entry)
    {
        if (store.Messages.Claim(entry.Id) is not { } row)
        {
            _line!.Leave(entry);
            return;
        }

        var payload = row.Payload ?? (row.Body is { } body ? store.Bodies.Read(body) : null);
        var headers = RecordCodec.DecodeHeaders(row.Headers);
        var failures = RecordCodec.DecodeFailures(row.Failures);
        if (payload is null || headers is null || failures is null)
        {
            store.Undecodable(this, row);
            var reason = new AttemptFailure(
                SqliteQueueBroker.UndecodableMessage,
                $"Its {(payload is null ? "payload" : headers is null ? "headers" : "history")} cannot be read from the file.");
            Bury(entry, (failures ?? []).With(new AttemptRecord(row.Attempt, store.UtcNow, reason)));
            _line!.Leave(entry);
            return;
        }

        if (row.Leased > 1)
        {
            var why = new AttemptFailure(AttemptFailure.ConsumerLost, "The process ended before the handler had finished.");
            failures = failures.With(new AttemptRecord(row.Attempt - 1, store.UtcNow, why));
            store.Messages.MendLease(row.Id, RecordCodec.EncodeFailures(failures));
        }

        var message = new StoredMessage(
            row.Number, payload, headers, row.OrderingKey, row.Priority, Storage.StorageClock.ToDate(row.Enqueued));
        Start(consumer, entry, message, row.Attempt, failures, row.Body);
    }

    private void Start(
        SqliteConsumer consumer, LineEntry entry, StoredMessage message, int attempt, IReadOnlyList<AttemptRecord> failures, long? body)
    {
        _delivering++;
        _turn++;
        store.Start(new SqliteDelivery(store, this, consumer, entry, message, attempt, failures, body));
    }

    private void Retry(SqliteDelivery delivery, QueueVerdict.Retried verdict)
    {
        var entry = delivery.Entry;
        var failures = RecordCodec.EncodeFailures(
            verdict.Failure is null ? delivery.Failures : delivery.FailuresWith(verdict.Failure, store.UtcNow));
        var keeps = _line is null ? delivery.Consumer.Subscription.Ordering == QueueOrdering.PerKey : _line is KeyedLine;
        if (verdict.Delay > TimeSpan.Zero)
        {
            var delay = verdict.Delay < store.Limits.MaxDelay ? verdict.Delay : store.Limits.MaxDelay;
            var due = store.Now + delay.Ticks;
            Move(MessageState.InLine, MessageState.Delayed);
            store.Messages.Delay(entry.Id, keeps, due, failures);
            store.WakeAt(due);
            (_line as KeyedLine)?.Hold(entry);
        }
        else if (keeps)
        {
            store.Messages.GiveBack(entry.Id, failures);
            (_line as KeyedLine)?.Return(entry);
        }
        else
        {
            entry = entry with { Position = store.TakeNumbers(1) };
            store.Messages.Rejoin(entry.Id, entry.Position, failures);
            Join(entry);
        }
    }

    /// <summary>It is at the end of the line in the file.</summary>
    private void Join(LineEntry entry)
    {
        if (_line is not null)
        {
            _line.Join(entry);
            store.Schedule(this);
        }
    }

    private void UseLine()
    {
        _line = null;
        if (_consumers.Count == 0)
        {
            return;
        }

        var reader = new LineReader(store.Messages, id, store.Running);
        if (_consumers[0].Subscription.Ordering == QueueOrdering.None)
        {
            store.Messages.LetGo(id);
            _line = new PriorityLine(reader, store.Window);
            return;
        }

        var line = new KeyedLine(reader, store.Window, store.Messages.HeldCount(id));
        foreach (var delivery in store.Running.Values.Where(delivery => delivery.Group == this))
        {
            line.Occupy(delivery.Entry);
        }

        _line = line;
    }

    private SqliteConsumer? FindFreeConsumer()
    {
        for (var i = 0; i < _consumers.Count; i++)
        {
            var consumer = _consumers[(int)((uint)(_turn + i) % (uint)_consumers.Count)];
            if (consumer.IsFree)
            {
                return consumer;
            }
        }

        return null;
    }

    private void Bury(LineEntry entry, IReadOnlyList<AttemptRecord> failures)
    {
        Move(MessageState.InLine, MessageState.Dead);
        store.Messages.Bury(entry.Id, store.TakeNumbers(1), store.Now, RecordCodec.EncodeFailures(failures));
    }

    private void Delete(long messageId, long? body, MessageState state)
    {
        _counts[(int)state]--;
        store.Delete(messageId, body);
    }

    private void Move(MessageState from, MessageState to)
    {
        _counts[(int)from]--;
        _counts[(int)to]++;
    }

    private MessageRow? FindDead(long number)
    {
        var (row, _) = store.Messages.Find(number).Find(found => found.Group == id);
        return row is { State: MessageState.Dead } ? row : null;
    }
}
