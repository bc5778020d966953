using Iii.Bench.Processes;

namespace Iii.Bench.Brokers;

/// <summary>Jobs over the least that does the same on SQLite.</summary>
internal sealed class SqliteQueuePeer : IQueuePeer
{
    private readonly JobTable _jobs = new();
    private readonly WorkFolder _folder = new();
    private SqliteTwin _twin = null!;

    public static Task<IQueuePeer> OpenAsync() => Task.FromResult<IQueuePeer>(new SqliteQueuePeer());

    public Task ConsumeAsync(int concurrency)
    {
        _twin = new SqliteTwin(_folder.Path, concurrency);
        return _twin.ConsumeAsync(payload => _jobs.End(payload));
    }

    public async Task RunJobAsync()
    {
        var job = _jobs.Begin();
        await _twin.EnqueueAsync(job.Payload, job.Number);
        await job.Handled;
    }

    public async ValueTask DisposeAsync()
    {
        await _twin.DisposeAsync();
        _folder.Dispose();
    }
}
