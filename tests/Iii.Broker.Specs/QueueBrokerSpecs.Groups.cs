using System.Collections.Concurrent;
using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>Replicas share the work.</summary>
    [Fact]
    public async Task Consumers_of_one_group_get_each_message_once_between_them_on_any_instance()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var subscription = new QueueSubscription(_queue) { Concurrency = 3 };
        var deliveries = new Recorder<Seen>();
        var busy = new ConcurrentDictionary<string, int>();
        QueueHandler Handler(string who) => async (delivery, _) =>
        {
            busy.AddOrUpdate(who, 1, (_, count) => count + 1);
            await Eventually.HoldsAsync("both work", () => busy.Count == 2);
            deliveries.Add(new Seen(Text(delivery.Payload), delivery.Attempt));
            return QueueVerdict.Ack;
        };
        await using var one = await first.ConsumeAsync(subscription, Handler("one"), Cancel);
        await using var two = await second.ConsumeAsync(subscription, Handler("two"), Cancel);

        await EnqueueAsync(first, [.. Enumerable.Range(0, 30).Select(i => $"{i:00}")]);
        await EnqueueAsync(second, [.. Enumerable.Range(30, 30).Select(i => $"{i:00}")]);

        var seen = await deliveries.WaitForAsync(60);
        Assert.Equal(Enumerable.Range(0, 60).Select(i => new Seen($"{i:00}", 1)), seen.OrderBy(each => each.Text));
    }

    /// <summary>Fan-out.</summary>
    [Fact]
    public async Task Every_group_gets_a_copy_with_the_same_id_and_its_own_attempts()
    {
        var broker = await OpenAsync();
        if (await RefusesGroupsAsync(broker))
        {
            return;
        }

        var a = new Recorder<QueueDelivery>();
        var b = new Recorder<QueueDelivery>();
        await using var one = await ConsumeRawAsync(broker, "a", a, delivery => delivery.Attempt < 3 ? QueueVerdict.RetryAfter(TimeSpan.Zero) : QueueVerdict.Ack);
        await using var two = await ConsumeRawAsync(broker, "b", b);
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);

        Assert.Equal(["a1", "a2", "a3"], (await a.WaitForAsync(3)).Select(delivery => $"{delivery.Group}{delivery.Attempt}"));
        Assert.Equal(["b1"], (await b.WaitForAsync(1)).Select(delivery => $"{delivery.Group}{delivery.Attempt}"));
        Assert.All(a.Items.Concat(b.Items), delivery => Assert.Equal(receipt.MessageId, delivery.MessageId));
    }

    /// <summary>Present or not.</summary>
    [Fact]
    public async Task Three_groups_get_every_message_each_also_the_one_that_is_away()
    {
        var broker = await OpenAsync();
        if (await RefusesGroupsAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<QueueDelivery>();
        await using var a = await ConsumeRawAsync(broker, "a", deliveries);
        await using var b = await ConsumeRawAsync(broker, "b", deliveries);
        await (await ConsumeRawAsync(broker, "c", deliveries)).DisposeAsync();
        await EnqueueAsync(broker, "1", "2", "3");
        await deliveries.WaitForAsync(6);
        await using var c = await ConsumeRawAsync(broker, "c", deliveries);

        var seen = await deliveries.WaitForAsync(9);
        foreach (var group in seen.GroupBy(delivery => delivery.Group))
        {
            Assert.Equal(["1", "2", "3"], group.Select(delivery => Text(delivery.Payload)));
        }

        Assert.Equal(3, seen.Select(delivery => delivery.MessageId).Distinct().Count());
    }

    /// <summary>Binding lasts.</summary>
    [Fact]
    public async Task A_group_goes_on_receiving_while_it_has_no_consumer()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await (await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries)).DisposeAsync();
        await EnqueueAsync(broker, "1", "2");
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);

        Assert.Equal(["1", "2"], (await deliveries.WaitForAsync(2)).Select(seen => seen.Text));
    }

    /// <summary>Who gets what was enqueued before there was a group.</summary>
    [Fact]
    public async Task The_first_group_takes_over_what_waits_and_later_ones_start_with_what_comes()
    {
        var broker = await OpenAsync();
        if (await RefusesGroupsAsync(broker))
        {
            return;
        }

        var first = new Recorder<Seen>();
        var later = new Recorder<Seen>();
        await EnqueueAsync(broker, "1", "2");
        await using var one = await ConsumeAsync(broker, new QueueSubscription(_queue) { Group = "first" }, first);
        await using var two = await ConsumeAsync(broker, new QueueSubscription(_queue) { Group = "later" }, later);
        await EnqueueAsync(broker, "3");

        Assert.Equal(["1", "2", "3"], (await first.WaitForAsync(3)).Select(seen => seen.Text));
        Assert.Equal(["3"], (await later.WaitForAsync(1)).Select(seen => seen.Text));
    }

    /// <summary>Unbinding.</summary>
    [Fact]
    public async Task A_removed_group_is_gone_with_its_messages_and_a_group_in_use_is_not_removed()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        Assert.False(await broker.RemoveGroupAsync(_queue, "default", Cancel));
        var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        await RefusesAsync(BrokerErrorCodes.Conflict, async () => await broker.RemoveGroupAsync(_queue, "default", Cancel));
        await consumer.DisposeAsync();
        await EnqueueAsync(broker, "lost");

        Assert.True(await broker.RemoveGroupAsync(_queue, "default", Cancel));
        Assert.False(await broker.RemoveGroupAsync(_queue, "default", Cancel));
        await EnqueueAsync(broker, "kept");
        await using var next = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);

        Assert.Equal(["kept"], (await deliveries.WaitForAsync(1)).Select(seen => seen.Text));
    }

    /// <summary>In use means in use anywhere.</summary>
    [Fact]
    public async Task A_group_that_another_instance_consumes_is_not_removed()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(first, new QueueSubscription(_queue), deliveries);

        await RefusesAsync(BrokerErrorCodes.Conflict, async () => await second.RemoveGroupAsync(_queue, "default", Cancel));
        await EnqueueAsync(second, "1");
        Assert.Equal(["1"], await TextsAsync(deliveries, 1));
    }

    /// <summary>Dead letters are the group's too.</summary>
    [Fact]
    public async Task A_removed_group_takes_its_dead_letters_with_it()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>(), _ => QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, "1");
        var dead = await WaitForDeadAsync(deadLetters, 1);
        await consumer.DisposeAsync();
        Assert.True(await broker.RemoveGroupAsync(_queue, "default", Cancel));
        await using var next = await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>());

        Assert.Empty((await deadLetters.ListAsync(_queue, "default", PageRequest.First, Cancel)).Items);
        Assert.False(await deadLetters.RedriveAsync(_queue, "default", dead[0].MessageId, Cancel));
    }

    /// <summary>Copies are apart.</summary>
    [Fact]
    public async Task Removing_a_group_leaves_the_others_what_they_hold()
    {
        var broker = await OpenAsync();
        if (await RefusesGroupsAsync(broker))
        {
            return;
        }

        await (await ConsumeRawAsync(broker, "stays", new Recorder<QueueDelivery>())).DisposeAsync();
        await (await ConsumeRawAsync(broker, "goes", new Recorder<QueueDelivery>())).DisposeAsync();
        await EnqueueAsync(broker, "1", "2");
        Assert.True(await broker.RemoveGroupAsync(_queue, "goes", Cancel));
        await EnqueueAsync(broker, "3");
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "stays", deliveries);

        Assert.Equal(["1", "2", "3"], (await deliveries.WaitForAsync(3)).Select(delivery => Text(delivery.Payload)));
    }

    /// <summary>An error in one place is an error in one place.</summary>
    [Fact]
    public async Task A_group_whose_handler_fails_holds_no_other_group_up()
    {
        var broker = await OpenAsync();
        if (await RefusesGroupsAsync(broker))
        {
            return;
        }

        var good = new Recorder<QueueDelivery>();
        var bad = new Recorder<QueueDelivery>();
        await using var failing = await ConsumeRawAsync(broker, "bad", bad, _ => QueueVerdict.DeadLetter(Boom));
        await using var working = await ConsumeRawAsync(broker, "good", good);
        await EnqueueAsync(broker, "1", "2");

        Assert.Equal(["1", "2"], (await good.WaitForAsync(2)).Select(delivery => Text(delivery.Payload)));
        await bad.WaitForAsync(2);
        if (broker is IDeadLetters deadLetters)
        {
            await WaitForDeadAsync(deadLetters, "bad", 2);
            Assert.Empty((await deadLetters.ListAsync(_queue, "good", PageRequest.First, Cancel)).Items);
        }
    }

    /// <summary>What is on its way is held as well.</summary>
    [Fact]
    public async Task A_removed_group_takes_what_waits_for_a_time_with_it_also_when_it_is_bound_again()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        var consumer = await ConsumeAsync(
            broker, new QueueSubscription(_queue), deliveries, _ => QueueVerdict.RetryAfter(TimeSpan.FromSeconds(1)));
        await EnqueueAsync(broker, "old");
        await deliveries.WaitForAsync(1);
        await consumer.DisposeAsync();
        Assert.True(await broker.RemoveGroupAsync(_queue, "default", Cancel));
        await using var next = await ConsumeAsync(
            broker,
            new QueueSubscription(_queue),
            deliveries,
            seen => seen.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(1_200)) : QueueVerdict.Ack);
        await EnqueueAsync(broker, "new");

        // The old one would have been due before the new one.
        Assert.Equal([new("old", 1), new("new", 1), new("new", 2)], await deliveries.WaitForAsync(3));
    }
}
