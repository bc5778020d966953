using Iii.Adapters.MassTransit.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.MassTransit.Tests;

public sealed class RabbitMqQueueSpecs(SharedServer shared) : QueueBrokerSpecs
{
    private readonly World _world = new(shared.Server);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _world.DisposeAsync();
    }

    protected override async ValueTask<SpecSubject<IQueueBroker>> CreateAsync(BrokerLimits limits)
    {
        var instance = await _world.OpenAsync(options => options with { Limits = limits });
        return new SpecSubject<IQueueBroker>(instance.Broker, () =>
        {
            instance.Proxy.Cut();
            return ValueTask.CompletedTask;
        });
    }
}
