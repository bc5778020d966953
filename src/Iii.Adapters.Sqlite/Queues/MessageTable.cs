using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>The table of the messages, one row for each group's copy.</summary>
/// <remarks>
/// A message that is being handled stays in its line, marked as leased, and the process that handles it knows so. When that process is
/// gone, its messages are simply the next of their lines: recovery has nothing to do.
/// </remarks>
internal sealed class MessageTable(Database database)
{
    /// <summary>
    /// The copies of one message have consecutive ids; <c>copy</c> is the distance from the first. <c>time</c> is when a delayed message is
    /// due or a dead one died. Every index is partial: a message pays for what it uses.
    /// </summary>
    public const string Create = """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            copy INTEGER NOT NULL,
            group_id INTEGER NOT NULL,
            state INTEGER NOT NULL,
            position INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            lane INTEGER NOT NULL,
            leased INTEGER NOT NULL,
            holds INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            time INTEGER NOT NULL,
            enqueued INTEGER NOT NULL,
            ordering_key TEXT,
            headers BLOB,
            failures BLOB,
            body INTEGER,
            payload BLOB
        );
        CREATE INDEX messages_line ON messages (group_id, position, priority, lane) WHERE state = 0;
        CREATE INDEX messages_urgent ON messages (group_id, priority, position, lane) WHERE state = 0 AND priority > 0;
        CREATE INDEX messages_lanes ON messages (group_id, lane, position, priority) WHERE state = 0 AND lane <> 0;
        CREATE INDEX messages_delayed ON messages (time, group_id) WHERE state = 1;
        CREATE INDEX messages_held ON messages (group_id, lane) WHERE state = 1 AND holds = 1;
        CREATE INDEX messages_dead ON messages (group_id, position) WHERE state = 2;

        """;

    private readonly Statement _insert = database.Prepare("""
        INSERT INTO messages
            (id, copy, group_id, state, position, priority, lane, leased, holds, attempt, time, enqueued, ordering_key, headers, body, payload)
        VALUES (?1, ?2, ?3, ?4, ?1, ?5, ?6, ?7, 0, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
        """);

    private readonly Statement _claim = database.Prepare(
        $"UPDATE messages SET attempt = attempt + 1, leased = leased + 1 WHERE id = ?1 AND state = 0 RETURNING {MessageRow.Columns}");

    private readonly Statement _delete = database.Prepare("DELETE FROM messages WHERE id = ?1");

    private readonly Statement _giveBack = database.Prepare("UPDATE messages SET leased = 0, failures = ?2 WHERE id = ?1");

    private readonly Statement _mendLease = database.Prepare("UPDATE messages SET leased = 1, failures = ?2 WHERE id = ?1");

    private readonly Statement _rejoin = database.Prepare(
        "UPDATE messages SET state = 0, leased = 0, holds = 0, position = ?2, failures = ?3 WHERE id = ?1");

    private readonly Statement _delay = database.Prepare(
        "UPDATE messages SET state = 1, leased = 0, holds = ?2, time = ?3, failures = ?4 WHERE id = ?1");

    private readonly Statement _bury = database.Prepare(
        "UPDATE messages SET state = 2, leased = 0, holds = 0, position = ?2, time = ?3, failures = ?4 WHERE id = ?1");

    private readonly Statement _promote = database.Prepare("UPDATE messages SET state = 0, holds = 0, position = ?2 WHERE id = ?1");

    private readonly Statement _redrive = database.Prepare(
        "UPDATE messages SET state = 0, position = ?2, attempt = 0, failures = NULL WHERE id = ?1");

    private readonly Statement _find = database.Prepare($"SELECT {MessageRow.Columns}, group_id FROM messages WHERE id >= ?1 ORDER BY id");

    private readonly Statement _due = database.Prepare("""
        SELECT id, position, lane, priority, holds, group_id, body FROM messages WHERE state = 1 AND time <= ?1 ORDER BY time, id LIMIT ?2
        """);

    private readonly Statement _nextDue = database.Prepare("SELECT MIN(time) FROM messages WHERE state = 1");

    private readonly Statement _dead = database.Prepare(
        $"SELECT {MessageRow.Columns} FROM messages WHERE group_id = ?1 AND state = 2 AND position > ?2 ORDER BY position LIMIT ?3");

    private readonly Statement _line = database.Prepare("""
        SELECT id, position, lane, priority FROM messages INDEXED BY messages_line
        WHERE group_id = ?1 AND state = 0 AND position > ?2 ORDER BY position LIMIT ?3
        """);

    private readonly Statement _ordinary = database.Prepare("""
        SELECT id, position, lane, priority FROM messages INDEXED BY messages_line
        WHERE group_id = ?1 AND state = 0 AND position > ?2 AND priority = 0 ORDER BY position LIMIT ?3
        """);

    private readonly Statement _urgent = database.Prepare("""
        SELECT id, position, lane, priority FROM messages INDEXED BY messages_urgent
        WHERE group_id = ?1 AND state = 0 AND priority > 0 AND priority = ?4 AND position > ?2 ORDER BY position LIMIT ?3
        """);

    private readonly Statement _lane = database.Prepare("""
        SELECT id, position, lane, priority FROM messages INDEXED BY messages_lanes
        WHERE group_id = ?1 AND state = 0 AND lane <> 0 AND lane = ?4 AND position > ?2 ORDER BY position LIMIT ?3
        """);

    private readonly Statement _noLane = database.Prepare("""
        SELECT id, position, lane, priority FROM messages INDEXED BY messages_line
        WHERE group_id = ?1 AND state = 0 AND lane = 0 AND position > ?2 ORDER BY position LIMIT ?3
        """);

    private readonly Statement _isHeld = database.Prepare(
        "SELECT 1 FROM messages WHERE group_id = ?1 AND lane = ?2 AND state = 1 AND holds = 1 LIMIT 1");

    private readonly Statement _heldCount = database.Prepare(
        "SELECT COUNT(*) FROM messages INDEXED BY messages_held WHERE group_id = ?1 AND state = 1 AND holds = 1");

    private readonly Statement _letGo = database.Prepare("UPDATE messages SET holds = 0 WHERE group_id = ?1 AND state = 1 AND holds = 1");

    private readonly Statement _lineCounts = database.Prepare(
        "SELECT group_id, COUNT(*) FROM messages INDEXED BY messages_line WHERE state = 0 GROUP BY group_id");

    private readonly Statement _delayedCounts = database.Prepare(
        "SELECT group_id, COUNT(*) FROM messages INDEXED BY messages_delayed WHERE state = 1 GROUP BY group_id");

    private readonly Statement _deadCounts = database.Prepare(
        "SELECT group_id, COUNT(*) FROM messages INDEXED BY messages_dead WHERE state = 2 GROUP BY group_id");

    private readonly Statement _anyInLine = database.Prepare(
        "SELECT id, body FROM messages INDEXED BY messages_line WHERE group_id = ?1 AND state = 0 LIMIT ?2");

    private readonly Statement _anyDelayed = database.Prepare(
        "SELECT id, body FROM messages INDEXED BY messages_delayed WHERE group_id = ?1 AND state = 1 LIMIT ?2");

    private readonly Statement _anyDead = database.Prepare(
        "SELECT id, body FROM messages INDEXED BY messages_dead WHERE group_id = ?1 AND state = 2 LIMIT ?2");

    /// <summary>Writes a new message; a leased one is on its first attempt already.</summary>
    public void Insert(
        LineEntry entry,
        int copy,
        long group,
        MessageState state,
        bool isLeased,
        long time,
        long enqueued,
        string? orderingKey,
        byte[]? headers,
        long? body,
        ReadOnlySpan<byte> payload)
    {
        _insert.Bind(1, entry.Id).Bind(2, copy).Bind(3, group).Bind(4, (long)state).Bind(5, entry.Priority).Bind(6, entry.Lane)
            .Bind(7, isLeased ? 1 : 0).Bind(8, time).Bind(9, enqueued).Bind(10, orderingKey).Bind(11, headers).Bind(12, body);
        (body is null ? _insert.Bind(13, payload) : _insert.BindNull(13)).Run();
    }

    /// <summary>Leases a message of a line for its next attempt; null when it has gone since the line looked.</summary>
    public MessageRow? Claim(long id)
    {
        var row = _claim.Bind(1, id).Step() ? MessageRow.Read(_claim) : null;
        _claim.Reset();
        return row;
    }

    public void Delete(long id) => _delete.Bind(1, id).Run();

    /// <summary>Ends the lease; the message keeps its place.</summary>
    public void GiveBack(long id, byte[]? failures) => _giveBack.Bind(1, id).Bind(2, failures).Run();

    /// <summary>Makes the second lease of a message the only one, once it remembers how the first ended.</summary>
    public void MendLease(long id, byte[]? failures) => _mendLease.Bind(1, id).Bind(2, failures).Run();

    /// <summary>Ends the lease and puts the message at the end of the line.</summary>
    public void Rejoin(long id, long position, byte[]? failures) => _rejoin.Bind(1, id).Bind(2, position).Bind(3, failures).Run();

    /// <summary>Ends the lease and has the message wait for a time.</summary>
    public void Delay(long id, bool holds, long due, byte[]? failures) =>
        _delay.Bind(1, id).Bind(2, holds ? 1 : 0).Bind(3, due).Bind(4, failures).Run();

    /// <summary>Ends the lease and puts the message among the dead letters.</summary>
    public void Bury(long id, long position, long now, byte[]? failures) =>
        _bury.Bind(1, id).Bind(2, position).Bind(3, now).Bind(4, failures).Run();

    /// <summary>Puts a delayed message into the line.</summary>
    public void Promote(long id, long position) => _promote.Bind(1, id).Bind(2, position).Run();

    /// <summary>Puts a dead letter back into the line, as new.</summary>
    public void Redrive(long id, long position) => _redrive.Bind(1, id).Bind(2, position).Run();

    /// <summary>All copies of a message, with the group of each.</summary>
    public List<(MessageRow Row, long Group)> Find(long number)
    {
        var found = new List<(MessageRow, long)>();
        _find.Bind(1, number);
        while (_find.Step() && _find.Number(0) - _find.Number(1) == number)
        {
            found.Add((MessageRow.Read(_find), _find.Number(16)));
        }

        _find.Reset();
        return found;
    }

    public List<DueMessage> Due(long now, int limit)
    {
        var due = new List<DueMessage>();
        _due.Bind(1, now).Bind(2, limit);
        while (_due.Step())
        {
            due.Add(new DueMessage(ReadEntry(_due), _due.Number(4) != 0, _due.Number(5), _due.NumberOrNull(6)));
        }

        return due;
    }

    public long NextDue()
    {
        _nextDue.Step();
        var next = _nextDue.NumberOrNull(0) ?? long.MaxValue;
        _nextDue.Reset();
        return next;
    }

    /// <summary>Dead letters after a position, oldest first; read as they are taken.</summary>
    public IEnumerable<MessageRow> Dead(long group, long after, int limit)
    {
        _dead.Bind(1, group).Bind(2, after).Bind(3, limit);
        try
        {
            while (_dead.Step())
            {
                yield return MessageRow.Read(_dead);
            }
        }
        finally
        {
            _dead.Reset();
        }
    }

    /// <summary>A part of the line after a position, whatever the priority.</summary>
    public List<LineEntry> Line(long group, long after, int limit) => Entries(_line.Bind(1, group).Bind(2, after).Bind(3, limit));

    /// <summary>A part of the line after a position with one priority.</summary>
    public List<LineEntry> Level(long group, int priority, long after, int limit) => Entries(priority == 0
        ? _ordinary.Bind(1, group).Bind(2, after).Bind(3, limit)
        : _urgent.Bind(1, group).Bind(2, after).Bind(3, limit).Bind(4, priority));

    /// <summary>A part of the line after a position with one lane.</summary>
    public List<LineEntry> Lane(long group, long lane, long after, int limit) => Entries(lane == Lanes.None
        ? _noLane.Bind(1, group).Bind(2, after).Bind(3, limit)
        : _lane.Bind(1, group).Bind(2, after).Bind(3, limit).Bind(4, lane));

    /// <summary>Whether the head of a lane waits for its next attempt.</summary>
    public bool IsHeld(long group, long lane)
    {
        var isHeld = _isHeld.Bind(1, group).Bind(2, lane).Step();
        _isHeld.Reset();
        return isHeld;
    }

    public long HeldCount(long group)
    {
        _heldCount.Bind(1, group).Step();
        var count = _heldCount.Number(0);
        _heldCount.Reset();
        return count;
    }

    /// <summary>From now on what waits for its next attempt holds nothing back.</summary>
    public void LetGo(long group) => _letGo.Bind(1, group).Run();

    /// <summary>How many messages each group has in each state.</summary>
    public IEnumerable<(MessageState State, long Group, int Count)> Counts()
    {
        foreach (var (state, counts) in ((MessageState, Statement)[])[
            (MessageState.InLine, _lineCounts), (MessageState.Delayed, _delayedCounts), (MessageState.Dead, _deadCounts)])
        {
            while (counts.Step())
            {
                yield return (state, counts.Number(0), (int)counts.Number(1));
            }
        }
    }

    /// <summary>Some messages of a group, and where the payloads of those are that have them elsewhere.</summary>
    public List<(long Id, long? Body)> Any(long group, int limit)
    {
        foreach (var statement in (Statement[])[_anyInLine, _anyDelayed, _anyDead])
        {
            var found = new List<(long, long?)>();
            statement.Bind(1, group).Bind(2, limit);
            while (statement.Step())
            {
                found.Add((statement.Number(0), statement.NumberOrNull(1)));
            }

            if (found.Count > 0)
            {
                return found;
            }
        }

        return [];
    }

    private static List<LineEntry> Entries(Statement statement)
    {
        var entries = new List<LineEntry>();
        while (statement.Step())
        {
            entries.Add(ReadEntry(statement));
        }

        return entries;
    }

    private static LineEntry ReadEntry(Statement row) => new(row.Number(0), row.Number(1), row.Number(2), (int)row.Number(3));
}
