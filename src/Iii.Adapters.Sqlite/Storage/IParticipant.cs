namespace Iii.Adapters.Sqlite.Storage;

/// <summary>
/// A part of the adapter that keeps its data in the file and takes part in the writer's transactions. All members are called on
/// the writer's thread.
/// </summary>
internal interface IParticipant
{
    /// <summary>When it wants to work though nobody asks, on the storage clock; <see cref="long.MaxValue"/> for not.</summary>
    long WakesAt { get; }

    /// <summary>Makes what memory holds anew from the file: at the start, and after a transaction that failed.</summary>
    void Load();

    /// <summary>Does, within a transaction, a bounded part of what is to be done.</summary>
    /// <returns>True when there is more that need not wait.</returns>
    bool Work();

    /// <summary>The transaction is on disk.</summary>
    void Committed();

    /// <summary>There will be no further transaction.</summary>
    void Broken();
}
