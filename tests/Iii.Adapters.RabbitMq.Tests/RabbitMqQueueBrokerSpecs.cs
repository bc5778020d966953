using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.RabbitMq.Tests;

public sealed class RabbitMqQueueBrokerSpecs(SharedServer shared) : QueueBrokerSpecs
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
        return new SpecSubject<IQueueBroker>(await RabbitMqQueueBroker.CreateAsync(instance.Connection), () =>
        {
            instance.Proxy.Cut();
            return ValueTask.CompletedTask;
        });
    }
}
