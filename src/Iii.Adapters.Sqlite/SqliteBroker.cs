using Iii.Adapters.Sqlite.Queues;
using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;
using Microsoft.Extensions.Logging;

namespace Iii.Adapters.Sqlite;

/// <summary>The embedded broker: one file that one process holds, and the adapters that keep their data in it.</summary>
/// <remarks>
/// Whatever was accepted is on disk: one thread commits in groups, with a full sync each, and a receipt comes after its commit. The
/// file does not shrink; space that becomes free is used again.
/// </remarks>
public sealed class SqliteBroker : IAsyncDisposable
{
    private readonly Database _database;
    private readonly Writer _writer;

    private SqliteBroker(Database database, Writer writer, SqliteQueueBroker queues) =>
        (_database, _writer, Queues) = (database, writer, queues);

    /// <summary>The queues in the file.</summary>
    public SqliteQueueBroker Queues { get; }

    /// <summary>Opens the file, and makes it if there is none.</summary>
    /// <param name="options">Where it is, and its bounds.</param>
    /// <param name="cancellationToken">Ends the waiting; the file is closed again then.</param>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.Conflict"/> when a process holds it already, this one included;
    /// <see cref="BrokerErrorCodes.NotSupported"/> when a newer version of this program has made it;
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/> when it is damaged, not ours, or the folder cannot be written to.
    /// </exception>
    public static async ValueTask<SqliteBroker> OpenAsync(SqliteBrokerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Limits.MaxMessageBytes, SqliteBrokerOptions.MaxMessageBytes);
        cancellationToken.ThrowIfCancellationRequested();
        var opening = Task.Run(() => Open(options), CancellationToken.None);
        try
        {
            return await opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await (await opening.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends what its adapters have started, as disposing each would, and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        await Queues.DisposeAsync().ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends at once, as a killed process does: no goodbye, and what was not committed did not happen.</summary>
    internal Task BreakAsync() => _writer.BreakAsync();

    /// <summary>Carries out a statement on the open file, for tests: nobody else can open it.</summary>
    internal async Task ExecuteAsync(string sql) =>
        await _writer.RequestAsync(
            new CallOperation<bool>(() =>
            {
                _database.Execute(sql);
                return true;
            }),
            CancellationToken.None).ConfigureAwait(false);

    private static SqliteBroker Open(SqliteBrokerOptions options)
    {
        var logger = options.LoggerFactory.CreateLogger<SqliteBroker>();
        var database = Database.Open(options.Folder);
        try
        {
            var clock = new StorageClock(options.Time);
            var store = new QueueStore(database, clock, options);
            var writer = new Writer(database, clock, [store], logger);
            writer.Start();
            logger.Opened(database.Path);
            return new SqliteBroker(database, writer, new SqliteQueueBroker(store, writer));
        }
        catch (Microsoft.Data.Sqlite.SqliteException exception)
        {
            database.Dispose();
            throw StorageErrors.ToBrokerException(exception, database.Path);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }
}
