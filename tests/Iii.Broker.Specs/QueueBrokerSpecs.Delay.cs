using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>In the order of falling due.</summary>
    [Fact]
    public async Task Delayed_messages_come_after_those_that_are_not_and_in_the_order_of_their_times()
    {
        var broker = await OpenAsync();
        if (await RefusesDelayAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        await EnqueueDelayedAsync(broker, "later", 2_000);
        await EnqueueDelayedAsync(broker, "sooner", 1_000);
        await EnqueueAsync(broker, "now");

        Assert.Equal([new("now", 1), new("sooner", 1), new("later", 1)], await deliveries.WaitForAsync(3));
    }

    /// <summary>Never early.</summary>
    [Fact]
    public async Task A_delayed_message_does_not_come_before_its_time()
    {
        var broker = await OpenAsync();
        if (await RefusesDelayAsync(broker))
        {
            return;
        }

        var early = new Recorder<string>();
        var came = new Recorder<string>();
        var start = TimeProvider.System.GetTimestamp();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue) { Concurrency = 8 },
            (delivery, _) =>
            {
                var text = Text(delivery.Payload);
                var delay = TimeSpan.FromMilliseconds(int.Parse(text, System.Globalization.CultureInfo.InvariantCulture));
                (TimeProvider.System.GetElapsedTime(start) < delay ? early : came).Add(text);
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        int[] delays = [1, 15, 17, 100, 333, 512, 1_000];
        foreach (var delay in delays)
        {
            await EnqueueDelayedAsync(broker, $"{delay}", delay);
        }

        await Eventually.HoldsAsync("all have come", () => came.Items.Count + early.Items.Count == delays.Length);
        Assert.Empty(early.Items);
    }

    /// <summary>Nobody need be there.</summary>
    [Fact]
    public async Task A_delay_runs_while_there_is_no_group()
    {
        var broker = await OpenAsync();
        if (await RefusesDelayAsync(broker))
        {
            return;
        }

        await EnqueueAsync(broker, "now");
        await EnqueueDelayedAsync(broker, "due", 300);
        await EnqueueDelayedAsync(broker, "not yet", 3_000);
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);

        Assert.Equal(["now", "due", "not yet"], await TextsAsync(deliveries, 3));
    }

    /// <summary>A delay is the message's, not a copy's.</summary>
    [Fact]
    public async Task A_delayed_message_comes_to_every_group()
    {
        var broker = await OpenAsync();
        if (await RefusesDelayAsync(broker) || await RefusesGroupsAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<QueueDelivery>();
        await using var a = await ConsumeRawAsync(broker, "a", deliveries);
        await (await ConsumeRawAsync(broker, "b", deliveries)).DisposeAsync();
        await EnqueueDelayedAsync(broker, "1", 500);
        await using var b = await ConsumeRawAsync(broker, "b", deliveries);

        var seen = await deliveries.WaitForAsync(2);
        Assert.Equal(["a", "b"], seen.Select(delivery => delivery.Group).Order());
        Assert.Single(seen.Select(delivery => delivery.MessageId).Distinct());
    }

    /// <summary>The bound.</summary>
    [Fact]
    public async Task A_delay_as_long_as_the_bound_is_accepted_and_a_longer_one_is_refused()
    {
        var broker = await OpenAsync();
        if (await RefusesDelayAsync(broker))
        {
            return;
        }

        var longest = new EnqueueOptions { Delay = broker.Limits.MaxDelay };
        var longer = new EnqueueOptions { Delay = broker.Limits.MaxDelay + TimeSpan.FromMilliseconds(1) };
        Assert.False((await broker.EnqueueAsync(_queue, Message("1"), longest, Cancel)).IsDuplicate);
        await RefusesAsync(BrokerErrorCodes.LimitExceeded, async () => await broker.EnqueueAsync(_queue, Message("2"), longer, Cancel));
    }

    private async Task EnqueueDelayedAsync(IQueueBroker broker, string text, int milliseconds) =>
        await broker.EnqueueAsync(_queue, Message(text), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(milliseconds) }, Cancel);

    /// <summary>Accepted is what counts, not due.</summary>
    [Fact]
    public async Task A_delayed_message_is_not_for_a_group_that_was_bound_after_it_was_enqueued()
    {
        var broker = await OpenAsync();
        if (await RefusesDelayAsync(broker) || await RefusesGroupsAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<QueueDelivery>();
        await using var a = await ConsumeRawAsync(broker, "a", deliveries);
        await EnqueueDelayedAsync(broker, "before", 1_000);
        await using var b = await ConsumeRawAsync(broker, "b", deliveries);
        await EnqueueDelayedAsync(broker, "after", 1_200);

        var seen = (await deliveries.WaitForAsync(3)).Select(delivery => $"{delivery.Group} {Text(delivery.Payload)}");
        Assert.Equal(["a after", "a before", "b after"], seen.Order());
    }
}
