using Iii.Broker;
using Iii.Broker.Specs;

namespace CustomQueueAdapter.Tests;

public sealed class DirectoryQueueBrokerSpecs : QueueBrokerSpecs
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("iii-directory-");

    protected override ValueTask<SpecSubject<IQueueBroker>> CreateAsync(BrokerLimits limits)
    {
        // Each instance has a way of its own to the one folder, so that it can be cut off alone.
        var way = Path.Combine(_root.FullName, Guid.NewGuid().ToString("N"));
        Directory.CreateSymbolicLink(way, _root.CreateSubdirectory("jobs").FullName);
        var polling = new PollingOptions { Interval = TimeSpan.FromMilliseconds(10), Failed = Tell };
        var broker = new DirectoryQueueBroker(new DirectoryQueueOptions(way, polling) { Limits = limits });
        return ValueTask.FromResult(new SpecSubject<IQueueBroker>(broker, () =>
        {
            File.Delete(way);
            return ValueTask.CompletedTask;
        }));
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _root.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Handlers that throw are part of the suite.</summary>
    private static void Tell(Exception problem) => TestContext.Current.SendDiagnosticMessage($"{problem}");
}
