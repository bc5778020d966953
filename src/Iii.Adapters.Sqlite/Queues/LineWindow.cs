namespace Iii.Adapters.Sqlite.Queues;

/// <summary>How much of a line is in memory. What joins beyond it stays in the file until it is its turn.</summary>
internal sealed record LineWindow
{
    /// <summary>Entries that are looked at, at a time.</summary>
    public int PageSize { get; init; } = 256;

    /// <summary>Pages that are looked at for one delivery; when all of them belong to lanes that are not ready, others may work first.</summary>
    public int MaxPages { get; init; } = 4;

    /// <summary>Entries in memory, of each priority or of all lanes together, before those that join stay in the file.</summary>
    public int MaxLoaded { get; init; } = 4_096;

    /// <summary>Entries of one lane that are read, and kept, at a time.</summary>
    public int LanePageSize { get; init; } = 16;
}
