using Iii.Adapters.Sqlite;
using Iii.Engine.Hosting;

namespace Iii.Cli;

/// <summary>A file on this machine as the broker of an engine that runs alone.</summary>
internal sealed class EmbeddedAdapter : IBrokerAdapter
{
    public string Name => "embedded";

    public async ValueTask<BrokerSeams> ConnectAsync(
        BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        var broker = await SqliteBroker.OpenAsync(Read(options, environment), cancellationToken);
        return new BrokerSeams { Queues = broker.Queues, Connection = broker };
    }

    private static SqliteBrokerOptions Read(BrokerOptions options, BrokerEnvironment environment)
    {
        var settings = new BrokerSettings(options);
        var sqlite = new SqliteBrokerOptions { LoggerFactory = environment.Loggers, Time = environment.Time };
        sqlite = sqlite with { Folder = settings.Text("path", sqlite.Folder) };
        settings.Check();
        return sqlite;
    }
}
