using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>
/// The table of the payloads that do not lie beside their message: large ones, since SQLite writes a row anew when it grows, and those
/// that several groups share.
/// </summary>
internal sealed class BodyTable(Database database)
{
    /// <summary>
    /// <c>copies</c> is one more than the copies that are left: 1 and 0 take a byte less than other numbers, and a row that keeps its
    /// size is written over in place, payload untouched.
    /// </summary>
    public const string Create = """
        CREATE TABLE bodies (id INTEGER PRIMARY KEY, copies INTEGER NOT NULL, payload BLOB NOT NULL);

        """;

    private readonly Statement _insert = database.Prepare("INSERT INTO bodies (copies, payload) VALUES (?1, ?2) RETURNING id");
    private readonly Statement _read = database.Prepare("SELECT payload FROM bodies WHERE id = ?1");
    private readonly Statement _deleteLast = database.Prepare("DELETE FROM bodies WHERE id = ?1 AND copies <= 2");
    private readonly Statement _release = database.Prepare("UPDATE bodies SET copies = copies - 1 WHERE id = ?1");

    public long Insert(ReadOnlySpan<byte> payload, int copies)
    {
        _insert.Bind(1, copies + 1).Bind(2, payload).Step();
        var id = _insert.Number(0);
        _insert.Reset();
        return id;
    }

    /// <summary>Null when it is not there, which is damage.</summary>
    public byte[]? Read(long id)
    {
        var payload = _read.Bind(1, id).Step() ? _read.Bytes(0).ToArray() : null;
        _read.Reset();
        return payload;
    }

    /// <summary>A message that refers to it has gone; with the last one the payload goes.</summary>
    public void Release(long id)
    {
        _deleteLast.Bind(1, id).Run();
        _release.Bind(1, id).Run();
    }
}
