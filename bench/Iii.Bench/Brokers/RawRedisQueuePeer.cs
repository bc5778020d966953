using StackExchange.Redis;

namespace Iii.Bench.Brokers;

/// <summary>Jobs over a stream with its client: XADD, XREADGROUP, and XACK and XDEL for each job; no priorities, delays, retries or bounds.</summary>
internal sealed class RawRedisQueuePeer : IQueuePeer
{
    private const string Group = "default";
    private const string Consumer = "bench";
    private const string Field = "d";

    private readonly JobTable _jobs = new();
    private readonly RedisKey _stream = $"iii-bench-raw:{Guid.NewGuid():N}";
    private readonly CancellationTokenSource _closing = new();
    private readonly ConnectionMultiplexer _connection;
    private readonly IDatabase _database;
    private Task _reading = Task.CompletedTask;

    private RawRedisQueuePeer(ConnectionMultiplexer connection) => (_connection, _database) = (connection, connection.GetDatabase());

    public static async Task<IQueuePeer> ConnectAsync(string url)
    {
        var uri = new Uri(url);
        return new RawRedisQueuePeer(await ConnectionMultiplexer.ConnectAsync($"{uri.Host}:{uri.Port}"));
    }

    public async Task ConsumeAsync(int concurrency)
    {
        await _database.StreamCreateConsumerGroupAsync(_stream, Group, StreamPosition.Beginning);
        _reading = Task.Run(() => ReadAsync(concurrency));
    }

    public async Task RunJobAsync()
    {
        var job = _jobs.Begin();
        await _database.StreamAddAsync(_stream, Field, job.Payload);
        await job.Handled;
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _reading;
        await _connection.DisposeAsync();
    }

    private async Task ReadAsync(int concurrency)
    {
        var acknowledging = new List<Task>();
        while (!_closing.IsCancellationRequested)
        {
            var entries = await _database.StreamReadGroupAsync(_stream, Group, Consumer, StreamPosition.NewMessages, concurrency);
            await Task.WhenAll(acknowledging);
            acknowledging.Clear();
            foreach (var entry in entries)
            {
                ReadOnlyMemory<byte> message = entry[Field];
                _jobs.End(message.Span);
                acknowledging.Add(_database.StreamAcknowledgeAsync(_stream, Group, entry.Id));
                acknowledging.Add(_database.StreamDeleteAsync(_stream, [entry.Id]));
            }
        }
    }
}
