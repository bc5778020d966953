using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>Higher first, and in order within one priority.</summary>
    [Fact]
    public async Task A_message_with_higher_priority_is_delivered_earlier()
    {
        var broker = await OpenAsync();
        var urgent = new EnqueueOptions { Priority = 5 };
        if (await RefusesPriorityAsync(broker))
        {
            return;
        }

        await EnqueueAsync(broker, "low1", "low2");
        await broker.EnqueueAsync(_queue, Message("mid1"), urgent, Cancel);
        await broker.EnqueueAsync(_queue, Message("top1"), urgent with { Priority = BrokerLimits.MaxPriority }, Cancel);
        await broker.EnqueueAsync(_queue, Message("mid2"), urgent, Cancel);
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);

        Assert.Equal(["top1", "mid1", "mid2", "low1", "low2"], (await deliveries.WaitForAsync(5)).Select(seen => seen.Text));
    }

    /// <summary>Fairness.</summary>
    [Fact]
    public async Task A_message_of_the_lowest_priority_comes_though_urgent_ones_never_cease()
    {
        var broker = await OpenAsync();
        if (await RefusesPriorityAsync(broker))
        {
            return;
        }

        var urgent = new EnqueueOptions { Priority = BrokerLimits.MaxPriority };
        await EnqueueAsync(broker, "low");
        for (var i = 0; i < 10; i++)
        {
            await broker.EnqueueAsync(_queue, Message("urgent"), urgent, Cancel);
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (delivery, _) =>
            {
                // One more for each, so that there are always ten which are more urgent.
                if (!deliveries.Items.Contains(new Seen("low", 1)))
                {
                    await broker.EnqueueAsync(_queue, Message("urgent"), urgent, Cancel);
                }

                deliveries.Add(Seen.In(delivery));
                return QueueVerdict.Ack;
            },
            Cancel);

        await Eventually.HoldsAsync("the lowest has come", () => deliveries.Items.Contains(new Seen("low", 1)));
        Assert.Equal("urgent", deliveries.Items[0].Text);
    }

    /// <summary>A wish that lasts.</summary>
    [Fact]
    public async Task A_retried_message_keeps_its_place_among_the_priorities()
    {
        var broker = await OpenAsync();
        if (await RefusesPriorityAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        var consumer = await ConsumeAsync(
            broker, new QueueSubscription(_queue), deliveries, _ => QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(300)));
        await broker.EnqueueAsync(_queue, Message("urgent"), new EnqueueOptions { Priority = 5 }, Cancel);
        await deliveries.WaitForAsync(1);
        await consumer.DisposeAsync();
        var holder = new Holder();
        await EnqueueAsync(broker, "held", "low");
        await using var next = await broker.ConsumeAsync(new QueueSubscription(_queue), holder.HandleAsync, Cancel);
        await holder.Started.WaitForAsync(1);
        await Eventually.KeepsHoldingAsync("it falls due", TimeSpan.FromMilliseconds(500), () => holder.Started.Items.Count == 1);
        holder.Release();

        Assert.Equal(["held", "urgent", "low"], await TextsAsync(holder.Started, 3));
    }
}
