using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace Iii.Bench.Brokers;

/// <summary>
/// The least that a durable queue on SQLite can do, done well: one writer thread, transactions of up to 512 inserts and deletes and
/// one claim of up to 128 jobs, a full sync each. No names, groups, order, delays, retries or limits.
/// </summary>
internal sealed class SqliteTwin : IAsyncDisposable
{
    private const int MaxBatch = 512;
    private const int MaxClaim = 128;

    private readonly SqliteConnection _connection;
    private readonly Channel<Request> _requests = Channel.CreateUnbounded<Request>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Channel<(long Id, byte[] Payload)> _claimed = Channel.CreateUnbounded<(long, byte[])>();
    private readonly ManualResetEventSlim _wake = new();
    private readonly Thread _thread;
    private readonly int _concurrency;
    private int _free;
    private int _waiting;
    private volatile bool _isClosing;

    /// <param name="folder">Where its file goes.</param>
    /// <param name="concurrency">Jobs that are handed out and not acknowledged, at most.</param>
    public SqliteTwin(string folder, int concurrency)
    {
        _concurrency = concurrency;
        _connection = new SqliteConnection($"Data Source={Path.Combine(folder, "twin.db")};Pooling=False");
        _connection.Open();
        Run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16384");
        Run("CREATE TABLE jobs (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, payload BLOB); CREATE INDEX waiting ON jobs (id) WHERE state = 0");
        _thread = new Thread(Write) { IsBackground = true };
        _thread.Start();
    }

    private sealed record Request(long Id, byte[]? Payload, TaskCompletionSource? Stored);

    public async ValueTask EnqueueAsync(byte[] payload, long number)
    {
        var stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new Request(number, payload, stored));
        await stored.Task;
    }

    public Task ConsumeAsync(Action<byte[]> handle)
    {
        for (var i = 0; i < Environment.ProcessorCount * 2; i++)
        {
            _ = Task.Run(async () =>
            {
                await foreach (var (id, payload) in _claimed.Reader.ReadAllAsync())
                {
                    handle(payload);
                    Post(new Request(id, null, null));
                }
            });
        }

        Volatile.Write(ref _free, _concurrency);
        _wake.Set();
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _isClosing = true;
        _wake.Set();
        _thread.Join();
        _claimed.Writer.Complete();
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Post(Request request)
    {
        _requests.Writer.TryWrite(request);
        if (!_wake.IsSet)
        {
            _wake.Set();
        }
    }

    private void Write()
    {
        using var insert = Prepare("INSERT INTO jobs (id, state, payload) VALUES ($id, 0, $payload)", "$id", "$payload");
        using var delete = Prepare("DELETE FROM jobs WHERE id = $id", "$id");
        using var claim = Prepare(
            "UPDATE jobs SET state = 1 WHERE id IN (SELECT id FROM jobs WHERE state = 0 ORDER BY id LIMIT $count) RETURNING id, payload", "$count");
        var batch = new List<Request>();
        var claimed = new List<(long, byte[])>();
        while (true)
        {
            _wake.Reset();
            batch.Clear();
            claimed.Clear();
            while (batch.Count < MaxBatch && _requests.Reader.TryRead(out var request))
            {
                batch.Add(request);
            }

            if (batch.Count == 0 && (_free == 0 || _waiting == 0))
            {
                if (_isClosing)
                {
                    return;
                }

                _wake.Wait();
                continue;
            }

            using (var transaction = _connection.BeginTransaction())
            {
                insert.Transaction = delete.Transaction = claim.Transaction = transaction;
                foreach (var request in batch)
                {
                    if (request.Payload is null)
                    {
                        delete.Parameters[0].Value = request.Id;
                        delete.ExecuteNonQuery();
                        _free++;
                    }
                    else
                    {
                        insert.Parameters[0].Value = request.Id;
                        insert.Parameters[1].Value = request.Payload;
                        insert.ExecuteNonQuery();
                        _waiting++;
                    }
                }

                if (_free > 0 && _waiting > 0)
                {
                    claim.Parameters[0].Value = Math.Min(_free, MaxClaim);
                    using var rows = claim.ExecuteReader();
                    while (rows.Read())
                    {
                        claimed.Add((rows.GetInt64(0), rows.GetFieldValue<byte[]>(1)));
                    }
                }

                transaction.Commit();
            }

            _free -= claimed.Count;
            _waiting -= claimed.Count;
            foreach (var job in claimed)
            {
                _claimed.Writer.TryWrite(job);
            }

            foreach (var request in batch)
            {
                request.Stored?.SetResult();
            }
        }
    }

    private SqliteCommand Prepare(string sql, params string[] names)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in names)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return command;
    }

    private void Run(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
