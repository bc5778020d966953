namespace Iii.Broker.Memory;

/// <summary>A message as one group holds it. Guarded by its queue's lock.</summary>
internal sealed class QueueEntry
{
    private IReadOnlyList<AttemptRecord> _failures = [];

    public QueueEntry(StoredMessage message)
    {
        Message = message;
        Node = new LinkedListNode<QueueEntry>(this);
    }

    public StoredMessage Message { get; }

    /// <summary>Its place in a line, whichever that is.</summary>
    public LinkedListNode<QueueEntry> Node { get; }

    public EntryState State { get; set; }

    /// <summary>When it joined its line, as a number that only grows.</summary>
    public long Sequence { get; set; }

    /// <summary>When it is wanted again, while it is <see cref="EntryState.Delayed"/>.</summary>
    public TimeSpan DueAt { get; set; }

    /// <summary>True from its first delivery in a keyed line until it leaves: it stays at the head of its key through every retry.</summary>
    public bool HoldsLane { get; set; }

    public int Attempt { get; set; }

    public DateTimeOffset DeadAt { get; set; }

    public void AddFailure(AttemptFailure failure, DateTimeOffset at) => _failures = _failures.With(new AttemptRecord(Attempt, at, failure));

    public void StartAfresh()
    {
        Attempt = 0;
        _failures = [];
    }

    /// <summary>It as a handler gets it, or as the last one got it with what came of that.</summary>
    public QueueDelivery ToDelivery(string queue, string group) => new()
    {
        Queue = queue,
        Group = group,
        MessageId = Message.Id,
        Attempt = Attempt,
        EnqueuedAt = Message.EnqueuedAt,
        Payload = Message.Payload,
        Headers = Message.Headers,
        OrderingKey = Message.OrderingKey,
        Priority = Message.Priority,
        Failures = _failures,
    };
}
