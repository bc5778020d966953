using Iii.Broker;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Iii.Adapters.Sqlite.Storage;

/// <summary>
/// The open file: its lock, its settings and its transactions. It knows nothing of what is in the tables. One thread at a time.
/// </summary>
internal sealed class Database : IDisposable
{
    /// <summary>
    /// A full sync with each commit; one process at a time (which also spares the shared memory beside the log); the log is written
    /// back every 16 MiB.
    /// </summary>
    private const string Settings = """
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = 4000;
        PRAGMA journal_size_limit = 67108864;
        PRAGMA cache_size = -16384;
        PRAGMA temp_store = MEMORY;
        PRAGMA trusted_schema = OFF;
        """;

    private readonly SqliteConnection _connection;
    private readonly List<Statement> _statements = [];
    private readonly OwnerFile _owner;
    private readonly Statement _begin;
    private readonly Statement _commit;
    private readonly Statement _rollback;

    private Database(string path, SqliteConnection connection)
    {
        (Path, _connection) = (path, connection);
        _owner = new OwnerFile(path);
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
        _rollback = Prepare("ROLLBACK");
    }

    public string Path { get; }

    /// <summary>Opens the file, makes it if it is not there, and brings its tables up to date.</summary>
    /// <exception cref="BrokerException">It cannot be used; the message says why and what to do.</exception>
    public static Database Open(string folder)
    {
        var path = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, SqliteBrokerOptions.FileName));
        Batteries_V2.Init();
        try
        {
            Directory.CreateDirectory(folder);
            var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
            try
            {
                connection.Open();
                Lock(connection, path);
                var database = new Database(path, connection);
                database._owner.Write();
                return database;
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }
        catch (SqliteException exception)
        {
            throw StorageErrors.ToBrokerException(exception, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageErrors.FolderUnusable(folder, exception);
        }
    }

    public Statement Prepare(string sql)
    {
        var statement = new Statement(_connection.Handle!, sql);
        _statements.Add(statement);
        return statement;
    }

    public void Begin() => _begin.Run();

    public void Commit() => _commit.Run();

    /// <summary>Takes back what the transaction did. SQLite has done so itself after some errors; then nothing happens.</summary>
    public void Rollback()
    {
        foreach (var statement in _statements)
        {
            statement.Reset();
        }

        if (raw.sqlite3_get_autocommit(_connection.Handle!) == 0)
        {
            _rollback.Run();
        }
    }

    /// <summary>Carries out statements that are needed once.</summary>
    public void Execute(string sql) => Execute(_connection, sql);

    public void Dispose()
    {
        foreach (var statement in _statements)
        {
            statement.Dispose();
        }

        _owner.Delete();
        _connection.Dispose();
    }

    /// <summary>Takes the lock, which lasts until the connection is closed, and changes nothing in a file that is not ours.</summary>
    private static void Lock(SqliteConnection connection, string path)
    {
        Execute(connection, "PRAGMA locking_mode = EXCLUSIVE");
        Migrations.CheckOrigin(connection, path);
        Execute(connection, "PRAGMA journal_mode = WAL");
        Execute(connection, Settings);
        Execute(connection, "BEGIN EXCLUSIVE");
        Migrations.Apply(connection);
        Execute(connection, "COMMIT");
    }

    private static void Execute(SqliteConnection connection, string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(connection.Handle!, sql), connection.Handle!);
}
