using Iii.Broker.Memory;
using Iii.Broker.Specs;

namespace Iii.Broker.Tests.Memory;

/// <summary>The world of one test object: made with the first subject, shared by the rest.</summary>
internal sealed class MemoryWorldFixture
{
    private MemoryWorld? _world;

    public SpecSubject<TSeam> Create<TSeam>(BrokerLimits limits, Func<MemoryWorld, MemoryLink, TSeam> create)
        where TSeam : class, IBrokerSeam
    {
        _world ??= new MemoryWorld(new MemoryWorldOptions { Limits = limits });
        var link = new MemoryLink();
        return new SpecSubject<TSeam>(create(_world, link), () =>
        {
            link.Cut();
            return ValueTask.CompletedTask;
        });
    }
}
