using Iii.Broker.Memory;
using Iii.Broker.Specs;

namespace Iii.Broker.Tests.Memory;

public sealed class MemoryLeaseProviderSpecs : LeaseProviderSpecs
{
    private readonly MemoryWorldFixture _world = new();

    protected override ValueTask<SpecSubject<ILeaseProvider>> CreateAsync(BrokerLimits limits) =>
        ValueTask.FromResult(_world.Create<ILeaseProvider>(limits, (world, link) => new MemoryLeaseProvider(world, link)));
}
