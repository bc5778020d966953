namespace Iii.Adapters.Sqlite.Storage;

/// <summary>The table of what the file says of itself: its random id, and the numbers that are taken.</summary>
internal sealed class MetaTable
{
    public const string Create = """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO meta VALUES ('file_id', random()), ('next_number', 1);

        """;

    /// <summary>So many numbers are taken with one write; those that were not used are lost when the process ends.</summary>
    private const int Block = 1_000_000;

    private readonly Statement _read;
    private readonly Statement _write;
    private long _next;
    private long _end;

    public MetaTable(Database database)
    {
        _read = database.Prepare("SELECT value FROM meta WHERE name = ?1");
        _write = database.Prepare("UPDATE meta SET value = ?2 WHERE name = ?1");
    }

    /// <summary>Drawn when the file was made, so that ids of messages differ from those of another file.</summary>
    public long FileId { get; private set; }

    /// <summary>Reads what is there, at the start and after a transaction that failed.</summary>
    public void Load()
    {
        FileId = Read("file_id");
        _end = Read("next_number");
        _next = Math.Max(_next, _end);
    }

    /// <summary>Takes numbers that were never taken before, in this process or an earlier one, and returns the first.</summary>
    public long Take(int count = 1)
    {
        if (_next + count > _end)
        {
            _end = _next + count + Block;
            _write.Bind(1, "next_number").Bind(2, _end).Run();
        }

        var first = _next;
        _next += count;
        return first;
    }

    private long Read(string name)
    {
        var value = _read.Bind(1, name).Step() ? _read.Number(0) : throw new InvalidOperationException($"The table meta has no {name}.");
        _read.Reset();
        return value;
    }
}
