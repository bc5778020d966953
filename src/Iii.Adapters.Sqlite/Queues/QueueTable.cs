using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>The table of the queues. A queue is never removed; <see cref="Iii.Broker.BrokerLimits.MaxNames"/> bounds them.</summary>
internal sealed class QueueTable(Database database)
{
    public const string Create = """
        CREATE TABLE queues (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

        """;

    private readonly Statement _insert = database.Prepare("INSERT INTO queues (name) VALUES (?1) RETURNING id");
    private readonly Statement _all = database.Prepare("SELECT id, name FROM queues");

    public long Insert(string name)
    {
        _insert.Bind(1, name).Step();
        var id = _insert.Number(0);
        _insert.Reset();
        return id;
    }

    public IEnumerable<(long Id, string Name)> All()
    {
        while (_all.Step())
        {
            yield return (_all.Number(0), _all.Text(1)!);
        }
    }
}
