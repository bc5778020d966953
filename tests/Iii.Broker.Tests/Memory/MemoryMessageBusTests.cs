using Iii.Broker.Memory;
using Iii.Broker.Specs;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Broker.Tests.Memory;

/// <summary>What the memory bus does beyond the contract.</summary>
public sealed class MemoryMessageBusTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_subscription_hears_again_when_its_link_is_restored_and_is_told_of_the_gap()
    {
        var world = new MemoryWorld();
        var link = new MemoryLink();
        await using var listener = new MemoryMessageBus(world, link);
        await using var speaker = new MemoryMessageBus(world);
        var seen = new Recorder<(int Length, bool AfterGap)>();
        await listener.SubscribeAsync("subject", Record(seen), Cancel);

        await speaker.PublishAsync("subject", new byte[1], Cancel);
        link.Cut();
        Assert.Equal(PublishOutcome.NobodyListens, await speaker.PublishAsync("subject", new byte[2], Cancel));
        link.Restore();
        Assert.Equal(PublishOutcome.Sent, await speaker.PublishAsync("subject", new byte[3], Cancel));
        await speaker.PublishAsync("subject", new byte[4], Cancel);

        Assert.Equal([(1, false), (3, true), (4, false)], await seen.WaitForAsync(3));
    }

    [Fact]
    public async Task Disposing_a_subscription_delivers_what_has_been_published_before()
    {
        await using var bus = new MemoryMessageBus(new MemoryWorld());
        var seen = new Recorder<(int Length, bool AfterGap)>();
        var subscription = await bus.SubscribeAsync("subject", Record(seen), Cancel);
        for (var i = 0; i < 100; i++)
        {
            await bus.PublishAsync("subject", new byte[i], Cancel);
        }

        await subscription.DisposeAsync();
        Assert.Equal(100, seen.Items.Count);
    }

    [Fact]
    public async Task A_handler_that_does_not_end_is_told_after_the_drain_timeout()
    {
        var time = new FakeTimeProvider();
        await using var bus = new MemoryMessageBus(new MemoryWorld(time: time));
        var seen = new Recorder<int>();
        var subscription = await bus.SubscribeAsync(
            "subject",
            async (_, cancellationToken) =>
            {
                seen.Add(1);
                var told = new TaskCompletionSource();
                await using var registration = cancellationToken.Register(told.SetResult);
                await told.Task;
            },
            Cancel);
        await bus.PublishAsync("subject", default, Cancel);
        await bus.PublishAsync("subject", default, Cancel);
        await seen.WaitForAsync(1);

        var dispose = subscription.DisposeAsync().AsTask();
        Assert.False(dispose.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(30));
        await Eventually.CompletesAsync("dispose", dispose);
        Assert.Single(seen.Items);
    }

    [Fact]
    public async Task What_a_handler_throws_is_reported()
    {
        var reported = new Recorder<Exception>();
        await using var bus = new MemoryMessageBus(new MemoryWorld(new MemoryWorldOptions { HandlerFailed = reported.Add }));
        var thrown = new InvalidOperationException("on purpose");
        await bus.SubscribeAsync("subject", (_, _) => throw thrown, Cancel);
        await bus.PublishAsync("subject", default, Cancel);

        Assert.Same(thrown, (await reported.WaitForAsync(1))[0]);
    }

    [Fact]
    public async Task Subscriptions_are_bounded_in_number()
    {
        await using var bus = new MemoryMessageBus(new MemoryWorld(new MemoryWorldOptions { Limits = new BrokerLimits { MaxNames = 2 } }));
        var first = await bus.SubscribeAsync("1", (_, _) => default, Cancel);
        await bus.SubscribeAsync("2", (_, _) => default, Cancel);
        var refused = await Assert.ThrowsAsync<BrokerException>(async () => await bus.SubscribeAsync("3", (_, _) => default, Cancel));
        Assert.Equal(BrokerErrorCodes.LimitExceeded, refused.Code);
        await first.DisposeAsync();
        await bus.SubscribeAsync("3", (_, _) => default, Cancel);
    }

    private static BusHandler Record(Recorder<(int Length, bool AfterGap)> seen) => (delivery, _) =>
    {
        seen.Add((delivery.Frame.Length, delivery.AfterGap));
        return default;
    };
}
