using Iii.Broker;
using Iii.Broker.Specs;

namespace CustomQueueAdapter.Tests;

public sealed class DirectoryQueueBrokerSpecs : QueueBrokerSpecs
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("iii-directory-");

    protected override async ValueTask<SpecSubject<IQueueBroker>> CreateAsync(BrokerLimits limits)
    {
        // Each instance has a way of its own to the one folder, so that it can be cut off alone.
        var way = Path.Combine(_root.FullName, Guid.NewGuid().ToString("N"));
        Directory.CreateSymbolicLink(way, _root.CreateSubdirectory("jobs").FullName);
        var options = new DirectoryQueueOptions(way) { Limits = limits, PollInterval = TimeSpan.FromMilliseconds(10) };
        return new SpecSubject<IQueueBroker>(await DirectoryQueueBroker.OpenAsync(options), () =>
        {
            File.Delete(way);
            return ValueTask.CompletedTask;
        });
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _root.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }
}
