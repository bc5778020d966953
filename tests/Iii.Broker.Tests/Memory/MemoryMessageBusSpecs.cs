using Iii.Broker.Memory;
using Iii.Broker.Specs;

namespace Iii.Broker.Tests.Memory;

public sealed class MemoryMessageBusSpecs : MessageBusSpecs
{
    private readonly MemoryWorldFixture _world = new();

    protected override ValueTask<SpecSubject<IMessageBus>> CreateAsync(BrokerLimits limits) =>
        ValueTask.FromResult(_world.Create<IMessageBus>(limits, (world, link) => new MemoryMessageBus(world, link)));
}
