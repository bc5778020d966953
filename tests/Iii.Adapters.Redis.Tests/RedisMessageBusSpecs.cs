namespace Iii.Adapters.Redis.Tests;

public sealed class RedisMessageBusSpecs(RedisFixture redis) : MessageBusSpecs
{
    private readonly RedisInstances _instances = new(redis.Server);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _instances.DisposeAsync();
    }

    protected override async ValueTask<SpecSubject<IMessageBus>> CreateAsync(BrokerLimits limits)
    {
        var (bus, proxy) = await _instances.OpenBusAsync(options => options with { Limits = limits });
        return new SpecSubject<IMessageBus>(bus, () =>
        {
            proxy.Cut();
            return ValueTask.CompletedTask;
        });
    }
}
