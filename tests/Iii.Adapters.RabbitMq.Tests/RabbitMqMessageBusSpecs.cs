using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.RabbitMq.Tests;

public sealed class RabbitMqMessageBusSpecs(SharedServer shared) : MessageBusSpecs
{
    private readonly World _world = new(shared.Server);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _world.DisposeAsync();
    }

    protected override async ValueTask<SpecSubject<IMessageBus>> CreateAsync(BrokerLimits limits)
    {
        var instance = await _world.OpenAsync(options => options with { Limits = limits });
        return new SpecSubject<IMessageBus>(await RabbitMqMessageBus.CreateAsync(instance.Connection), () =>
        {
            instance.Proxy.Cut();
            return ValueTask.CompletedTask;
        });
    }
}
