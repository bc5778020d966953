using Iii.Adapters.MassTransit.Transports;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.MassTransit.Tests;

public sealed class InMemoryQueueSpecs : QueueBrokerSpecs
{
    private readonly string _url = $"loopback://localhost/{Guid.NewGuid():N}";

    protected override async ValueTask<SpecSubject<IQueueBroker>> CreateAsync(BrokerLimits limits)
    {
        var broker = await MassTransitQueueBroker.ConnectAsync(new MassTransitBrokerOptions { Url = _url, Limits = limits });
        return new SpecSubject<IQueueBroker>(broker, async () => await ((InMemoryTransport)broker.Transport).CutOffAsync());
    }
}
