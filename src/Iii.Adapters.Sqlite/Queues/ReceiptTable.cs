using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>The table of the deduplication keys that are remembered, with the number of the message that each belongs to.</summary>
internal sealed class ReceiptTable(Database database)
{
    public const string Create = """
        CREATE TABLE receipts (
            queue_id INTEGER NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (queue_id, key)
        ) WITHOUT ROWID;
        CREATE INDEX receipts_expiring ON receipts (expires);

        """;

    private readonly Statement _find = database.Prepare("SELECT number, expires FROM receipts WHERE queue_id = ?1 AND key = ?2");
    private readonly Statement _insert = database.Prepare("INSERT INTO receipts (queue_id, key, number, expires) VALUES (?1, ?2, ?3, ?4)");
    private readonly Statement _delete = database.Prepare("DELETE FROM receipts WHERE queue_id = ?1 AND key = ?2");
    private readonly Statement _expired = database.Prepare(
        "SELECT queue_id, key FROM receipts WHERE expires <= ?1 ORDER BY expires LIMIT ?2");

    private readonly Statement _nextExpiry = database.Prepare("SELECT MIN(expires) FROM receipts");
    private readonly Statement _counts = database.Prepare("SELECT queue_id, COUNT(*) FROM receipts GROUP BY queue_id");

    /// <summary>The number of the first message with this key, and when the key may be forgotten.</summary>
    public (long Number, long Expires)? Find(long queue, string key)
    {
        (long, long)? found = _find.Bind(1, queue).Bind(2, key).Step() ? (_find.Number(0), _find.Number(1)) : null;
        _find.Reset();
        return found;
    }

    public void Insert(long queue, string key, long number, long expires) =>
        _insert.Bind(1, queue).Bind(2, key).Bind(3, number).Bind(4, expires).Run();

    public void Delete(long queue, string key) => _delete.Bind(1, queue).Bind(2, key).Run();

    public List<(long Queue, string Key)> Expired(long now, int limit)
    {
        var expired = new List<(long, string)>();
        _expired.Bind(1, now).Bind(2, limit);
        while (_expired.Step())
        {
            expired.Add((_expired.Number(0), _expired.Text(1)!));
        }

        return expired;
    }

    public long NextExpiry()
    {
        _nextExpiry.Step();
        var next = _nextExpiry.NumberOrNull(0) ?? long.MaxValue;
        _nextExpiry.Reset();
        return next;
    }

    public IEnumerable<(long Queue, int Count)> Counts()
    {
        while (_counts.Step())
        {
            yield return (_counts.Number(0), (int)_counts.Number(1));
        }
    }
}
