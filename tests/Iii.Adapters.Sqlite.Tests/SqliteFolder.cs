using Iii.Adapters.Sqlite.Queues;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>A folder of its own for one test, and the brokers that were opened in it.</summary>
internal sealed class SqliteFolder : IAsyncDisposable
{
    private readonly List<SqliteBroker> _brokers = [];

    public string Path { get; } = Directory.CreateTempSubdirectory("iii-sqlite-").FullName;

    public string File => System.IO.Path.Combine(Path, SqliteBrokerOptions.FileName);

    public async ValueTask<SqliteBroker> OpenAsync(
        BrokerLimits? limits = null, TimeProvider? time = null, Action<Exception>? handlerFailed = null, LineWindow? window = null)
    {
        var broker = await SqliteBroker.OpenAsync(
            new SqliteBrokerOptions
            {
                Folder = Path,
                Limits = limits ?? new BrokerLimits(),
                Time = time ?? TimeProvider.System,
                HandlerFailed = handlerFailed ?? (static _ => { }),
                Window = window ?? new LineWindow(),
            },
            TestContext.Current.CancellationToken);
        _brokers.Add(broker);
        return broker;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var broker in _brokers)
        {
            await broker.DisposeAsync();
        }

        Directory.Delete(Path, recursive: true);
    }
}
