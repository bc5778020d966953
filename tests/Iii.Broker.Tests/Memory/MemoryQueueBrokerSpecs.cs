using Iii.Broker.Memory;
using Iii.Broker.Specs;

namespace Iii.Broker.Tests.Memory;

public sealed class MemoryQueueBrokerSpecs : QueueBrokerSpecs
{
    private readonly MemoryWorldFixture _world = new();

    protected override ValueTask<SpecSubject<IQueueBroker>> CreateAsync(BrokerLimits limits) =>
        ValueTask.FromResult(_world.Create<IQueueBroker>(limits, (world, link) => new MemoryQueueBroker(world, link)));
}
