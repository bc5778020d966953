using System.Diagnostics;
using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.RabbitMq.Tests;

/// <summary>The bus on a server that is killed, stands still, or is short of memory.</summary>
public sealed class BrokenServerTests(ServerToBreak broken) : IClassFixture<ServerToBreak>, IAsyncDisposable
{
    private readonly World _world = new(broken.Server);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task After_a_crash_of_the_server_publishing_fails_at_once_and_subscriptions_come_back_with_it()
    {
        await using var bus = await OpenAsync();
        var seen = new Recorder<(int Length, bool AfterGap)>();
        for (var i = 0; i < 20; i++)
        {
            await bus.SubscribeAsync($"subject {i}", Record(seen), Cancel);
        }

        await bus.PublishAsync("subject 7", new byte[1], Cancel);
        await seen.WaitForAsync(1);

        await broken.Server.KillAsync();
        await Eventually.HoldsAsync("the loss is noticed", () => !bus.IsConnected);
        await SoonRefusesAsync(bus);
        var start = Stopwatch.GetTimestamp();
        await RefusesAsync(async () => await bus.PublishAsync("subject 7", new byte[2], Cancel));
        await RefusesAsync(async () => await bus.SubscribeAsync("late", (_, _) => default, Cancel));
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5), "it took long to fail");

        await broken.Server.StartAsync();
        await Eventually.HoldsAsync("it is connected", () => bus.IsConnected);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(PublishOutcome.Sent, await bus.PublishAsync($"subject {i}", new byte[100 + i], Cancel));
        }

        var after = (await seen.WaitForAsync(21)).Skip(1).OrderBy(each => each.Length);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => (100 + i, true)), after);
    }

    [Fact]
    public async Task A_server_that_stands_still_makes_publishing_fail_in_bounded_time_and_is_used_again_when_it_goes_on()
    {
        await using var bus = await OpenAsync();
        var seen = new Recorder<(int Length, bool AfterGap)>();
        await bus.SubscribeAsync("subject", Record(seen), Cancel);

        broken.Server.Pause();
        try
        {
            // Much more than sockets hold, so that writing stands still as well.
            var calls = Enumerable.Range(0, 64).Select(_ => bus.PublishAsync("subject", new byte[512 * 1024], Cancel).AsTask()).ToList();
            foreach (var call in calls)
            {
                await Eventually.HoldsAsync("publishing has failed", () => call.IsCompleted);
                await RefusesAsync(() => call);
            }

            await RefusesAsync(async () => await bus.PublishAsync("subject", new byte[1], Cancel));
            Assert.False(bus.IsConnected);
        }
        finally
        {
            broken.Server.Resume();
        }

        await Eventually.HoldsAsync("it is connected", () => bus.IsConnected);
        Assert.Equal(PublishOutcome.Sent, await bus.PublishAsync("subject", new byte[3], Cancel));
        await Eventually.HoldsAsync("it hears again", () => seen.Items.Any(each => each.Length == 3));
    }

    [Fact]
    public async Task A_server_that_is_short_of_memory_refuses_frames_and_takes_them_again_later()
    {
        await using var bus = await OpenAsync();
        var seen = new Recorder<(int Length, bool AfterGap)>();
        await bus.SubscribeAsync("subject", Record(seen), Cancel);
        await broken.Server.ControlAsync("set_vm_memory_high_watermark", "0.0000001");
        try
        {
            await SoonRefusesAsync(bus);
            var refused = await Assert.ThrowsAsync<BrokerException>(async () => await bus.PublishAsync("subject", new byte[2], Cancel));
            Assert.Contains("short of memory", refused.Message, StringComparison.Ordinal);
            Assert.True(bus.IsConnected);
        }
        finally
        {
            await broken.Server.ControlAsync("set_vm_memory_high_watermark", "0.4");
        }

        await Eventually.HoldsAsync("frames are taken again", async () =>
        {
            try
            {
                return await bus.PublishAsync("subject", new byte[3], Cancel) == PublishOutcome.Sent;
            }
            catch (BrokerException)
            {
                return false;
            }
        });
        await Eventually.HoldsAsync("it is heard", () => seen.Items.Any(each => each.Length == 3));
    }

    [Fact]
    public async Task Disposing_comes_to_an_end_while_the_server_stands_still()
    {
        var bus = await OpenAsync();
        await bus.SubscribeAsync("subject", (_, _) => default, Cancel);
        broken.Server.Pause();
        try
        {
            await Eventually.CompletesAsync("dispose", bus.DisposeAsync().AsTask());
        }
        finally
        {
            broken.Server.Resume();
        }
    }

    private static BusHandler Record(Recorder<(int Length, bool AfterGap)> seen) => (delivery, _) =>
    {
        seen.Add((delivery.Frame.Length, delivery.AfterGap));
        return default;
    };

    private static async Task RefusesAsync(Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<BrokerException>(call);
        Assert.Equal(BrokerErrorCodes.BrokerUnavailable, refused.Code);
    }

    private static Task SoonRefusesAsync(RabbitMqMessageBus bus) => Eventually.HoldsAsync("publishing is refused", async () =>
    {
        try
        {
            await bus.PublishAsync("subject", new byte[2], Cancel);
            return false;
        }
        catch (BrokerException refused)
        {
            return refused.Code == BrokerErrorCodes.BrokerUnavailable;
        }
    });

    private async Task<RabbitMqMessageBus> OpenAsync()
    {
        var instance = await _world.OpenAsync(options => options with
        {
            OperationTimeout = TimeSpan.FromSeconds(3),
            ConfirmTimeout = TimeSpan.FromSeconds(2),
        });
        return await RabbitMqMessageBus.CreateAsync(instance.Connection, Cancel);
    }
}
