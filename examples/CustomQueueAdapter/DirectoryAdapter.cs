using Iii.Broker;
using Iii.Engine.Hosting;
using Microsoft.Extensions.Logging;

namespace CustomQueueAdapter;

/// <summary>Lets a configuration name the adapter, and reads what it says of it.</summary>
public sealed partial class DirectoryAdapter : IBrokerAdapter
{
    /// <inheritdoc/>
    public string Name => "directory";

    /// <inheritdoc/>
    public ValueTask<BrokerSeams> ConnectAsync(BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var settings = new BrokerSettings(options);
        var logger = environment.Loggers.CreateLogger<DirectoryAdapter>();
        var polling = new PollingOptions { Time = environment.Time, Failed = problem => ReportFailure(logger, problem) };
        polling = polling with { Interval = settings.Milliseconds("poll_interval_ms", polling.Interval) };
        var directory = new DirectoryQueueOptions(Path.Combine(settings.Text("folder", "./jobs"), environment.ClusterName), polling);
        var longest = settings.Number("max_queue_length", directory.Limits.MaxQueueLength, minimum: 1);
        directory = directory with { Limits = directory.Limits with { MaxQueueLength = longest } };
        settings.Check();
        return ValueTask.FromResult(new BrokerSeams { Queues = Open(directory) });
    }

    private static DirectoryQueueBroker Open(DirectoryQueueOptions directory)
    {
        try
        {
            Directory.CreateDirectory(directory.Folder);
            return new DirectoryQueueBroker(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BrokerException(BrokerErrorCodes.BrokerUnavailable, $"The folder {directory.Folder} cannot be used: {e.Message}", e);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A job, or the folder with all of them, could not be dealt with; it is tried again")]
    private static partial void ReportFailure(ILogger logger, Exception problem);
}
