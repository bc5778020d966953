namespace Iii.Adapters.Sqlite.Queues;

/// <summary>
/// Decides which waiting message of a group is next. It looks at the line in the file through a window of bounded size; an entry may
/// have gone from the file since it was looked at, which claiming it shows.
/// </summary>
internal interface IWaitingLine
{
    /// <summary>True when it has stopped looking before the end of the line, so that there may be more to take next time.</summary>
    bool HasMore { get; }

    /// <summary>It was put at the end of the line in the file: it is new, or due again.</summary>
    void Join(LineEntry entry);

    /// <summary>Takes a new entry if nothing waits that would come before it.</summary>
    bool TryPass(LineEntry entry);

    /// <summary>Takes the next entry that may be delivered now.</summary>
    bool TryTakeNext(out LineEntry next);

    /// <summary>It was taken, and is in the line no more.</summary>
    void Leave(LineEntry entry);
}
