using Iii.Engine.Hosting;

namespace CustomQueueAdapter;

/// <summary>Lets a configuration name the adapter, and reads what it says of it.</summary>
public sealed class DirectoryAdapter : IBrokerAdapter
{
    /// <inheritdoc/>
    public string Name => "directory";

    /// <inheritdoc/>
    public async ValueTask<BrokerSeams> ConnectAsync(BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var settings = new BrokerSettings(options);
        var directory = new DirectoryQueueOptions(Path.Combine(settings.Text("folder", "./jobs"), environment.ClusterName))
        {
            Loggers = environment.Loggers,
            Time = environment.Time,
        };
        directory = directory with
        {
            PollInterval = settings.Milliseconds("poll_interval_ms", directory.PollInterval),
            Limits = directory.Limits with { MaxQueueLength = settings.Number("max_queue_length", directory.Limits.MaxQueueLength, minimum: 1) },
        };
        settings.Check();
        return new BrokerSeams { Queues = await DirectoryQueueBroker.OpenAsync(directory, cancellationToken) };
    }
}
