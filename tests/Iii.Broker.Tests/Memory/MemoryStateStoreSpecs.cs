using Iii.Broker.Memory;
using Iii.Broker.Specs;

namespace Iii.Broker.Tests.Memory;

public sealed class MemoryStateStoreSpecs : StateStoreSpecs
{
    private readonly MemoryWorldFixture _world = new();

    protected override ValueTask<SpecSubject<IStateStore>> CreateAsync(BrokerLimits limits) =>
        ValueTask.FromResult(_world.Create<IStateStore>(limits, (world, link) => new MemoryStateStore(world, link)));
}
