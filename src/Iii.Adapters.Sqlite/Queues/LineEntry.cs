namespace Iii.Adapters.Sqlite.Queues;

/// <summary>A message in its group's line, as far as deciding about turns needs it: the rest stays in the file.</summary>
/// <param name="Id">Of the group's copy.</param>
/// <param name="Position">Its place: a number that only grows.</param>
/// <param name="Lane">Its ordering key as a number, see <see cref="Lanes"/>.</param>
/// <param name="Priority">0 to 9.</param>
internal readonly record struct LineEntry(long Id, long Position, long Lane, int Priority);
