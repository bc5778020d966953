namespace Iii.Broker.Memory;

/// <summary>Decides which waiting entry of a group is next. Guarded by its queue's lock.</summary>
internal interface IWaitingLine
{
    /// <summary>At the end: an entry that is new, or due again.</summary>
    void Join(QueueEntry entry);

    /// <summary>The next entry that may be delivered now; null when there is none.</summary>
    QueueEntry? TakeNext();

    /// <summary>It was taken and is finished with.</summary>
    void Leave(QueueEntry entry);

    /// <summary>It waits, and is not wanted any more.</summary>
    void Remove(QueueEntry entry);

    /// <summary>Takes out all entries that wait, in order of joining.</summary>
    IReadOnlyList<QueueEntry> Empty();
}
