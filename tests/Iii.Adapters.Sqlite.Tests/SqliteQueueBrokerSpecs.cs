using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.Sqlite.Tests;

public sealed class SqliteQueueBrokerSpecs : QueueBrokerSpecs
{
    private readonly SqliteFolder _folder = new();

    protected override async ValueTask<SpecSubject<IQueueBroker>> CreateAsync(BrokerLimits limits)
    {
        var broker = await _folder.OpenAsync(limits);
        return new SpecSubject<IQueueBroker>(broker.Queues, async () => await broker.BreakAsync());
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _folder.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
