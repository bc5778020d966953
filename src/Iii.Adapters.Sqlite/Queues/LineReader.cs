namespace Iii.Adapters.Sqlite.Queues;

/// <summary>One group's line in the file. What this process handles is in it as well, and is told apart here.</summary>
internal sealed class LineReader(MessageTable messages, long group, IReadOnlyDictionary<long, SqliteDelivery> running)
{
    public bool IsRunning(LineEntry entry) => running.ContainsKey(entry.Id);

    /// <inheritdoc cref="MessageTable.Line"/>
    public List<LineEntry> Line(long after, int limit) => messages.Line(group, after, limit);

    /// <inheritdoc cref="MessageTable.Level"/>
    public List<LineEntry> Level(int priority, long after, int limit) => messages.Level(group, priority, after, limit);

    /// <inheritdoc cref="MessageTable.Lane"/>
    public List<LineEntry> Lane(long lane, long after, int limit) => messages.Lane(group, lane, after, limit);

    /// <inheritdoc cref="MessageTable.IsHeld"/>
    public bool IsHeld(long lane) => messages.IsHeld(group, lane);
}
