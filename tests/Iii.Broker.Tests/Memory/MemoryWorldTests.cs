using Iii.Broker.Memory;

namespace Iii.Broker.Tests.Memory;

public sealed class MemoryWorldTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_worlds_do_not_meet()
    {
        var (here, there) = (new MemoryWorld(), new MemoryWorld());
        await using var bus = new MemoryMessageBus(there);
        await bus.SubscribeAsync("subject", (_, _) => default, Cancel);
        await using var state = new MemoryStateStore(here);
        await state.SetAsync("scope", "key", new byte[1], cancellationToken: Cancel);
        await using var leases = new MemoryLeaseProvider(here);
        await leases.TryAcquireAsync("lease", TimeSpan.FromHours(1), Cancel);

        Assert.Equal(PublishOutcome.NobodyListens, await new MemoryMessageBus(here).PublishAsync("subject", new byte[1], Cancel));
        Assert.Null(await new MemoryStateStore(there).GetAsync("scope", "key", Cancel));
        Assert.NotNull(await new MemoryLeaseProvider(there).TryAcquireAsync("lease", TimeSpan.FromHours(1), Cancel));
    }

    [Fact]
    public async Task One_link_cuts_all_adapters_of_an_instance()
    {
        var world = new MemoryWorld();
        var link = new MemoryLink();
        link.Cut();
        Func<Task>[] calls =
        [
            async () => await new MemoryMessageBus(world, link).PublishAsync("subject", default, Cancel),
            async () => await new MemoryQueueBroker(world, link).EnqueueAsync("queue", new QueueMessage(default), null, Cancel),
            async () => await new MemoryStateStore(world, link).GetAsync("scope", "key", Cancel),
            async () => await new MemoryLeaseProvider(world, link).TryClaimAsync("claim", TimeSpan.FromHours(1), Cancel),
        ];
        foreach (var call in calls)
        {
            Assert.Equal(BrokerErrorCodes.BrokerUnavailable, (await Assert.ThrowsAsync<BrokerException>(call)).Code);
        }

        link.Restore();
        foreach (var call in calls)
        {
            await call();
        }
    }
}
