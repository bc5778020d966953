using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>
/// The table of the groups. A group without a name holds the messages of a queue that has no other, and gets the name of the first
/// that is bound. A removed one stays until its messages have been deleted.
/// </summary>
internal sealed class GroupTable(Database database)
{
    public const string Create = """
        CREATE TABLE queue_groups (id INTEGER PRIMARY KEY, queue_id INTEGER NOT NULL, name TEXT, removed INTEGER NOT NULL DEFAULT 0);

        """;

    private readonly Statement _insert = database.Prepare("INSERT INTO queue_groups (queue_id, name) VALUES (?1, ?2) RETURNING id");
    private readonly Statement _name = database.Prepare("UPDATE queue_groups SET name = ?2 WHERE id = ?1");
    private readonly Statement _remove = database.Prepare("UPDATE queue_groups SET removed = 1 WHERE id = ?1");
    private readonly Statement _delete = database.Prepare("DELETE FROM queue_groups WHERE id = ?1");
    private readonly Statement _all = database.Prepare("SELECT id, queue_id, name, removed FROM queue_groups");

    public long Insert(long queue, string? name)
    {
        _insert.Bind(1, queue).Bind(2, name).Step();
        var id = _insert.Number(0);
        _insert.Reset();
        return id;
    }

    public void Name(long id, string name) => _name.Bind(1, id).Bind(2, name).Run();

    public void Remove(long id) => _remove.Bind(1, id).Run();

    public void Delete(long id) => _delete.Bind(1, id).Run();

    public IEnumerable<(long Id, long Queue, string? Name, bool IsRemoved)> All()
    {
        while (_all.Step())
        {
            yield return (_all.Number(0), _all.Number(1), _all.Text(2), _all.Number(3) != 0);
        }
    }
}
