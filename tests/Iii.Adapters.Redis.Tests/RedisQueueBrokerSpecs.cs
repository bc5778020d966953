namespace Iii.Adapters.Redis.Tests;

public sealed class RedisQueueBrokerSpecs(RedisFixture redis) : QueueBrokerSpecs
{
    private readonly RedisInstances _instances = new(redis.Server);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _instances.DisposeAsync();
    }

    protected override async ValueTask<SpecSubject<IQueueBroker>> CreateAsync(BrokerLimits limits)
    {
        var (broker, proxy) = await _instances.OpenQueuesAsync(options => options with { Limits = limits });
        return new SpecSubject<IQueueBroker>(broker, () =>
        {
            proxy.Cut();
            return ValueTask.CompletedTask;
        });
    }
}
