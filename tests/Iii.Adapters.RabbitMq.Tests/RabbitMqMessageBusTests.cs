using System.Globalization;
using System.Text;
using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Tests;

/// <summary>What the bus does beyond the contract, on a server that works.</summary>
public sealed class RabbitMqMessageBusTests(SharedServer shared) : IAsyncDisposable
{
    private readonly World _world = new(shared.Server);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Frames_of_each_of_many_publishers_stay_in_order_while_they_are_put_together()
    {
        const int Publishers = 8;
        const int Frames = 2_000;
        await using var listener = await OpenAsync();
        await using var speaker = await OpenAsync();
        var seen = new Recorder<(int Publisher, int Number)>();
        await listener.SubscribeAsync(
            "subject",
            (delivery, _) =>
            {
                var parts = Encoding.UTF8.GetString(delivery.Frame.Span).Split(' ');
                seen.Add((int.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[1], CultureInfo.InvariantCulture)));
                return default;
            },
            Cancel);

        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(publisher => Task.Run(
            async () =>
            {
                var calls = new List<Task<PublishOutcome>>();
                for (var number = 0; number < Frames; number++)
                {
                    calls.Add(speaker.PublishAsync("subject", Encoding.UTF8.GetBytes($"{publisher} {number}"), Cancel).AsTask());
                    if (calls.Count == 50)
                    {
                        Assert.All(await Task.WhenAll(calls), outcome => Assert.Equal(PublishOutcome.Sent, outcome));
                        calls.Clear();
                    }
                }
            },
            Cancel)));

        await seen.WaitForAsync(Publishers * Frames);
        Assert.Equal(Publishers * Frames, seen.Items.Count);
        foreach (var publisher in seen.Items.GroupBy(each => each.Publisher))
        {
            Assert.Equal(Enumerable.Range(0, Frames), publisher.Select(each => each.Number));
        }
    }

    [Fact]
    public async Task Frames_that_are_published_together_travel_together()
    {
        await using var bus = await OpenAsync();
        await using var raw = await OpenRawAsync();
        var channel = await raw.CreateChannelAsync(cancellationToken: Cancel);
        var queue = await channel.QueueDeclareAsync("", exclusive: true, cancellationToken: Cancel);
        await channel.QueueBindAsync(queue.QueueName, Exchange, "subject", cancellationToken: Cancel);

        await Task.WhenAll(Enumerable.Range(0, 1_000).Select(i => bus.PublishAsync("subject", new byte[i % 100], Cancel).AsTask()));

        var messages = await channel.MessageCountAsync(queue.QueueName, Cancel);
        Assert.InRange(messages, 1u, 200u);
    }

    [Fact]
    public async Task A_full_outgoing_buffer_makes_publishers_wait_in_order_until_there_is_room_or_they_give_up()
    {
        var instance = await _world.OpenAsync(options => options with { MaxOutgoingBytes = 10_000 });
        await using var speaker = await RabbitMqMessageBus.CreateAsync(instance.Connection, Cancel);
        await using var listener = await OpenAsync();
        var seen = new Recorder<int>();
        await listener.SubscribeAsync(
            "subject",
            (delivery, _) =>
            {
                seen.Add(delivery.Frame.Length);
                return default;
            },
            Cancel);
        Assert.Equal(PublishOutcome.Sent, await speaker.PublishAsync("subject", new byte[1], Cancel));

        instance.Proxy.Freeze();
        using var patience = new CancellationTokenSource();
        var taken = speaker.PublishAsync("subject", new byte[9_000], Cancel).AsTask();
        var impatient = speaker.PublishAsync("subject", new byte[2_000], patience.Token).AsTask();
        var waiting = Enumerable.Range(2_001, 20).Select(i => speaker.PublishAsync("subject", new byte[i], Cancel).AsTask()).ToList();
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        Assert.False(taken.IsCompleted);
        Assert.DoesNotContain(waiting, call => call.IsCompleted);

        instance.Proxy.Restore();
        Assert.All(await Task.WhenAll(waiting.Prepend(taken)), outcome => Assert.Equal(PublishOutcome.Sent, outcome));
        Assert.Equal([1, 9_000, .. Enumerable.Range(2_001, 20)], await seen.WaitForAsync(22));
    }

    [Fact]
    public async Task Nobody_and_somebody_are_told_apart_frame_by_frame_under_load()
    {
        await using var bus = await OpenAsync();
        await bus.SubscribeAsync("somebody", (_, _) => default, Cancel);
        var calls = Enumerable.Range(0, 500).Select(i => (i, bus.PublishAsync(i % 3 == 0 ? "nobody" : "somebody", new byte[i], Cancel).AsTask())).ToList();
        foreach (var (i, call) in calls)
        {
            Assert.Equal(i % 3 == 0 ? PublishOutcome.NobodyListens : PublishOutcome.Sent, await call);
        }
    }

    [Fact]
    public async Task A_subscription_hears_again_after_a_lost_connection_and_is_told_of_the_gap()
    {
        var instance = await _world.OpenAsync();
        await using var listener = await RabbitMqMessageBus.CreateAsync(instance.Connection, Cancel);
        await using var speaker = await OpenAsync();
        var seen = new Recorder<(int Length, bool AfterGap)>();
        await listener.SubscribeAsync("subject", Record(seen), Cancel);
        await speaker.PublishAsync("subject", new byte[1], Cancel);
        await seen.WaitForAsync(1);

        instance.Proxy.Cut();
        await Eventually.HoldsAsync(
            "nobody listens", async () => await speaker.PublishAsync("subject", new byte[2], Cancel) == PublishOutcome.NobodyListens);
        Assert.False(listener.IsConnected);
        instance.Proxy.Restore();
        await Eventually.HoldsAsync("it is connected", () => listener.IsConnected);

        Assert.Equal(PublishOutcome.Sent, await speaker.PublishAsync("subject", new byte[3], Cancel));
        Assert.Equal(PublishOutcome.Sent, await listener.PublishAsync("subject", new byte[4], Cancel));
        var after = (await seen.WaitForAsync(3)).Where(each => each.Length > 2).ToList();
        Assert.Equal([(3, true), (4, false)], after);
    }

    [Fact]
    public async Task A_message_that_is_none_of_ours_is_dropped_and_counts_as_a_gap()
    {
        await using var bus = await OpenAsync();
        var seen = new Recorder<(int Length, bool AfterGap)>();
        await bus.SubscribeAsync("subject", Record(seen), Cancel);
        await using var raw = await OpenRawAsync();
        var channel = await raw.CreateChannelAsync(new CreateChannelOptions(true, true), Cancel);
        byte[][] foreign = [[], "hello"u8.ToArray(), [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 1], [2, 0, 0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255]];
        foreach (var body in foreign)
        {
            await channel.BasicPublishAsync(Exchange, "subject", body, Cancel);
        }

        await bus.PublishAsync("subject", new byte[7], Cancel);
        Assert.Equal([(7, true)], await seen.WaitForAsync(1));
    }

    [Fact]
    public async Task A_deleted_queue_of_the_bus_is_made_anew()
    {
        await using var bus = await OpenAsync();
        var seen = new Recorder<(int Length, bool AfterGap)>();
        await bus.SubscribeAsync("subject", Record(seen), Cancel);
        var changes = new Recorder<bool>();
        bus.ConnectionChanged += () => changes.Add(bus.IsConnected);
        var name = (await shared.Server.ControlAsync("list_bindings", "source_name", "destination_name", "-q"))
            .Split('\n').Single(line => line.StartsWith(Exchange + "\t", StringComparison.Ordinal)).Split('\t')[1];

        await shared.Server.ControlAsync("delete_queue", name);
        await changes.WaitForAsync(2);
        Assert.Equal(PublishOutcome.Sent, await bus.PublishAsync("subject", new byte[1], Cancel));
        Assert.Equal([(1, true)], await seen.WaitForAsync(1));
    }

    [Fact]
    public async Task What_a_handler_throws_is_reported()
    {
        var reported = new Recorder<Exception>();
        var instance = await _world.OpenAsync(options => options with { HandlerFailed = reported.Add });
        await using var bus = await RabbitMqMessageBus.CreateAsync(instance.Connection, Cancel);
        var thrown = new InvalidOperationException("on purpose");
        await bus.SubscribeAsync("subject", (_, _) => throw thrown, Cancel);
        await bus.PublishAsync("subject", default, Cancel);

        Assert.Same(thrown, (await reported.WaitForAsync(1))[0]);
    }

    [Fact]
    public async Task A_handler_that_does_not_end_is_told_after_the_drain_timeout()
    {
        var instance = await _world.OpenAsync(options => options with { BusDrainTimeout = TimeSpan.FromMilliseconds(50) });
        await using var bus = await RabbitMqMessageBus.CreateAsync(instance.Connection, Cancel);
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
        await seen.WaitForAsync(1);

        await Eventually.CompletesAsync("dispose", subscription.DisposeAsync().AsTask());
    }

    [Fact]
    public async Task Subscriptions_are_bounded_in_number()
    {
        var instance = await _world.OpenAsync(options => options with { Limits = new BrokerLimits { MaxNames = 2 } });
        await using var bus = await RabbitMqMessageBus.CreateAsync(instance.Connection, Cancel);
        var first = await bus.SubscribeAsync("1", (_, _) => default, Cancel);
        await bus.SubscribeAsync("2", (_, _) => default, Cancel);
        var refused = await Assert.ThrowsAsync<BrokerException>(async () => await bus.SubscribeAsync("3", (_, _) => default, Cancel));
        Assert.Equal(BrokerErrorCodes.LimitExceeded, refused.Code);
        await first.DisposeAsync();
        await bus.SubscribeAsync("3", (_, _) => default, Cancel);
    }

    private string Exchange => $"iii.bus.{_world.Options.Cluster}";

    private static BusHandler Record(Recorder<(int Length, bool AfterGap)> seen) => (delivery, _) =>
    {
        seen.Add((delivery.Frame.Length, delivery.AfterGap));
        return default;
    };

    private async Task<RabbitMqMessageBus> OpenAsync() => await RabbitMqMessageBus.CreateAsync((await _world.OpenAsync()).Connection, Cancel);

    private Task<IConnection> OpenRawAsync() => new ConnectionFactory { Uri = new Uri(shared.Server.Url) }.CreateConnectionAsync(Cancel);
}
