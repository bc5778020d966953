using System.Diagnostics.CodeAnalysis;
using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>Until its time has come.</summary>
    [Fact]
    public async Task A_delayed_message_can_be_cancelled_by_its_receipt_until_it_is_due()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.Cancellation, out IMessageCancellation? cancellation) || await RefusesDelayAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        var taken = await broker.EnqueueAsync(_queue, Message("taken"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(1_500) }, Cancel);
        var kept = await broker.EnqueueAsync(_queue, Message("kept"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(2_000) }, Cancel);
        Assert.True(await cancellation.CancelAsync(_queue, taken.MessageId, Cancel));
        Assert.False(await cancellation.CancelAsync(_queue, taken.MessageId, Cancel));
        Assert.False(await cancellation.CancelAsync(_queue, "no-such-id", Cancel));

        Assert.Equal([new("kept", 1)], await deliveries.WaitForAsync(1));
        Assert.False(await cancellation.CancelAsync(_queue, kept.MessageId, Cancel));
    }

    /// <summary>Of every group.</summary>
    [Fact]
    public async Task Cancelling_a_delayed_message_takes_it_from_every_group()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.Cancellation, out IMessageCancellation? cancellation) || await RefusesDelayAsync(broker) || await RefusesGroupsAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<QueueDelivery>();
        await using var a = await ConsumeRawAsync(broker, "a", deliveries);
        await using var b = await ConsumeRawAsync(broker, "b", deliveries);
        var taken = await broker.EnqueueAsync(_queue, Message("taken"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(1_500) }, Cancel);
        await EnqueueDelayedAsync(broker, "kept", 2_000);
        Assert.True(await cancellation.CancelAsync(_queue, taken.MessageId, Cancel));

        Assert.Equal(["a kept", "b kept"], (await deliveries.WaitForAsync(2)).Select(each => $"{each.Group} {Text(each.Payload)}").Order());
    }

    /// <summary>No means no.</summary>
    [Fact]
    public async Task Who_can_cancel_only_what_is_delayed_leaves_a_message_that_waits()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.Cancellation, out IMessageCancellation? cancellation)
            || broker.Features.HasFlag(BrokerFeatures.CancellationOfWaiting))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        var waiting = await broker.EnqueueAsync(_queue, Message("waiting"), cancellationToken: Cancel);
        Assert.False(await cancellation.CancelAsync(_queue, waiting.MessageId, Cancel));
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);

        Assert.Equal([new("waiting", 1)], await deliveries.WaitForAsync(1));
    }

    /// <summary>Taking back.</summary>
    [Fact]
    public async Task A_message_that_waits_can_be_cancelled_by_its_receipt_and_one_that_is_handled_cannot()
    {
        var broker = await OpenAsync();
        if (LacksCancellationOfWaiting(broker, out var cancellation))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        var delayed = broker.Features.HasFlag(BrokerFeatures.Delay)
            ? await broker.EnqueueAsync(_queue, Message("delayed"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(200) }, Cancel)
            : await broker.EnqueueAsync(_queue, Message("delayed"), cancellationToken: Cancel);
        var waiting = await broker.EnqueueAsync(_queue, Message("waiting"), cancellationToken: Cancel);
        Assert.True(await cancellation.CancelAsync(_queue, delayed.MessageId, Cancel));
        Assert.True(await cancellation.CancelAsync(_queue, waiting.MessageId, Cancel));
        Assert.False(await cancellation.CancelAsync(_queue, waiting.MessageId, Cancel));
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        var handled = await broker.EnqueueAsync(_queue, Message("handled"), cancellationToken: Cancel);

        await deliveries.WaitForAsync(1);
        Assert.False(await cancellation.CancelAsync(_queue, handled.MessageId, Cancel));
        Assert.False(await cancellation.CancelAsync(_queue, "no-such-id", Cancel));
        await Eventually.KeepsHoldingAsync("only one is delivered", TimeSpan.FromMilliseconds(400), () => deliveries.Items.Count == 1);
        Assert.Equal("handled", deliveries.Items[0].Text);
    }

    /// <summary>Too late is too late.</summary>
    [Fact]
    public async Task A_message_that_is_being_handled_is_not_cancelled_and_goes_on()
    {
        var broker = await OpenAsync();
        if (LacksCancellationOfWaiting(broker, out var cancellation))
        {
            return;
        }

        var holder = new Holder { Verdict = QueueVerdict.RetryAfter(TimeSpan.Zero) };
        var consumer = await broker.ConsumeAsync(new QueueSubscription(_queue), holder.HandleAsync, Cancel);
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);
        await holder.Started.WaitForAsync(1);
        Assert.False(await cancellation.CancelAsync(_queue, receipt.MessageId, Cancel));
        Assert.Empty(holder.Told.Items);
        holder.Release();

        Assert.Equal([new("1", 1), new("1", 2)], (await holder.Started.WaitForAsync(2)).Take(2));
        await consumer.DisposeAsync();
    }

    /// <summary>Between two attempts it waits.</summary>
    [Fact]
    public async Task A_message_that_waits_for_its_next_attempt_can_be_cancelled()
    {
        var broker = await OpenAsync();
        if (LacksCancellationOfWaiting(broker, out var cancellation))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker, new QueueSubscription(_queue), deliveries, seen => QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(seen.Text == "end" ? 600 : 300)));
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);
        await Eventually.HoldsAsync(
            "it is cancelled", async () => await cancellation.CancelAsync(_queue, receipt.MessageId, Cancel));
        var before = deliveries.Items.Count;
        await EnqueueAsync(broker, "end");

        // What would have been delivered again would have been before the second attempt of the other.
        await Eventually.HoldsAsync("the other comes again", () => deliveries.Items.Contains(new Seen("end", 2)));
        Assert.Equal(before, deliveries.Items.Count(seen => seen.Text == "1"));
        Assert.False(await cancellation.CancelAsync(_queue, receipt.MessageId, Cancel));
    }

    /// <summary>The dead are the business of others.</summary>
    [Fact]
    public async Task A_dead_letter_is_not_cancelled()
    {
        var broker = await OpenAsync();
        if (LacksCancellationOfWaiting(broker, out var cancellation)
            | Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>(), _ => QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, "1");
        var record = (await WaitForDeadAsync(deadLetters!, 1))[0];

        Assert.False(await cancellation!.CancelAsync(_queue, record.MessageId, Cancel));
        await WaitForDeadAsync(deadLetters!, 1);
    }

    /// <summary>Every copy that can be.</summary>
    [Fact]
    public async Task Cancelling_deletes_the_copies_that_wait_and_leaves_those_that_are_handled()
    {
        var broker = await OpenAsync();
        if (LacksCancellationOfWaiting(broker, out var cancellation) || await RefusesGroupsAsync(broker))
        {
            return;
        }

        var holder = new Holder();
        await using var busy = await broker.ConsumeAsync(new QueueSubscription(_queue) { Group = "busy" }, holder.HandleAsync, Cancel);
        await (await ConsumeRawAsync(broker, "away", new Recorder<QueueDelivery>())).DisposeAsync();
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);
        await holder.Started.WaitForAsync(1);
        Assert.True(await cancellation.CancelAsync(_queue, receipt.MessageId, Cancel));
        await EnqueueAsync(broker, "2");
        var deliveries = new Recorder<QueueDelivery>();
        await using var back = await ConsumeRawAsync(broker, "away", deliveries);

        Assert.Equal("2", Text((await deliveries.WaitForAsync(1))[0].Payload));
        Assert.Empty(holder.Told.Items);
        holder.Release();
        Assert.Equal(["1", "2"], await TextsAsync(holder.Started, 2));
    }

    /// <summary>A line goes on without it.</summary>
    [Fact]
    public async Task In_order_cancelling_the_head_of_a_key_lets_the_next_one_go()
    {
        var broker = await OpenAsync();
        if (LacksCancellationOfWaiting(broker, out var cancellation) || await RefusesOrderingAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker, Ordered, deliveries, seen => seen.Text == "a1" ? QueueVerdict.RetryAfter(TimeSpan.FromMinutes(10)) : QueueVerdict.Ack);
        var head = await broker.EnqueueAsync(_queue, Message("a1"), new EnqueueOptions { OrderingKey = "a" }, Cancel);
        await EnqueueKeyedAsync(broker, "a2");
        await deliveries.WaitForAsync(1);
        await Eventually.HoldsAsync("it is cancelled", async () => await cancellation.CancelAsync(_queue, head.MessageId, Cancel));

        Assert.Equal([new("a1", 1), new("a2", 1)], await deliveries.WaitForAsync(2));
    }

    private static bool LacksCancellationOfWaiting(IQueueBroker broker, [NotNullWhen(false)] out IMessageCancellation? cancellation) =>
        Lacks(broker, BrokerFeatures.Cancellation, out cancellation) || !broker.Features.HasFlag(BrokerFeatures.CancellationOfWaiting);
}
