using System.Collections.Concurrent;
using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>Retry in place.</summary>
    [Fact]
    public async Task In_order_a_retry_holds_its_key_back_and_keys_do_not_hold_each_other_back()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker,
            Ordered with { Concurrency = 4 },
            deliveries,
            seen => seen.Text == "a2" && seen.Attempt < 3 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(700)) : QueueVerdict.Ack);
        await EnqueueKeyedAsync(broker, "a1", "a2", "a3");
        await Eventually.HoldsAsync("a2 waits for its next attempt", () => deliveries.Items.Contains(new Seen("a2", 1)));
        await EnqueueKeyedAsync(broker, "b1", "b2");

        var seen = await deliveries.WaitForAsync(7);
        Assert.Equal([new("a1", 1), new("a2", 1), new("a2", 2), new("a2", 3), new("a3", 1)], seen.Where(each => each.Text[0] == 'a'));
        Assert.Equal(["b1", "b2"], seen.Where(each => each.Text[0] == 'b').Select(each => each.Text));
        Assert.True(seen.Index().First(each => each.Item.Text == "b2").Index < seen.Index().First(each => each.Item == new Seen("a2", 3)).Index);
    }

    /// <summary>One line for all without a key.</summary>
    [Fact]
    public async Task In_order_messages_without_a_key_are_one_line()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await EnqueueAsync(broker, "1", "2", "3");
        await using var consumer = await ConsumeAsync(
            broker,
            Ordered with { Concurrency = 8 },
            deliveries,
            seen => seen.Text == "2" && seen.Attempt < 3 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(50)) : QueueVerdict.Ack);

        Assert.Equal([new("1", 1), new("2", 1), new("2", 2), new("2", 3), new("3", 1)], await deliveries.WaitForAsync(5));
    }

    /// <summary>A dead head does not block its key.</summary>
    [Fact]
    public async Task In_order_a_dead_letter_makes_way_for_the_next_of_its_key()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await EnqueueKeyedAsync(broker, "a1", "a2");
        await using var consumer = await ConsumeAsync(
            broker,
            Ordered,
            deliveries,
            seen => seen.Text == "a1" ? QueueVerdict.DeadLetter(Boom) : QueueVerdict.Ack);

        Assert.Equal([new("a1", 1), new("a2", 1)], await deliveries.WaitForAsync(2));
    }

    /// <summary>Order over instances.</summary>
    [Fact]
    public async Task In_order_a_key_is_handled_one_at_a_time_over_all_consumers_and_instances()
    {
        var first = await OpenAsync();
        if (await RefusesOrderingAsync(first))
        {
            return;
        }

        var second = await OpenSecondAsync(first) ?? first;
        const int Keys = 5;
        const int PerKey = 12;
        var done = new Recorder<string>();
        var busy = new ConcurrentDictionary<string, string>();
        var overlaps = new Recorder<string>();
        async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken cancellationToken)
        {
            var text = Text(delivery.Payload);
            if (!busy.TryAdd(delivery.OrderingKey!, text))
            {
                overlaps.Add(text);
            }

            await Task.Yield();
            busy.TryRemove(delivery.OrderingKey!, out _);
            if (delivery.Attempt == 1 && text[^1] is '3' or '7')
            {
                return QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(5));
            }

            done.Add(text);
            return QueueVerdict.Ack;
        }

        var subscription = Ordered with { Concurrency = 3 };
        await using var one = await first.ConsumeAsync(subscription, HandleAsync, Cancel);
        await using var two = await second.ConsumeAsync(subscription, HandleAsync, Cancel);
        for (var i = 0; i < PerKey; i++)
        {
            await EnqueueKeyedAsync(i % 2 == 0 ? first : second, [.. Enumerable.Range(0, Keys).Select(key => $"{(char)('a' + key)}{i:00}")]);
        }

        var seen = await done.WaitForAsync(Keys * PerKey);
        Assert.Empty(overlaps.Items);
        foreach (var key in seen.GroupBy(text => text[0]))
        {
            Assert.Equal(Enumerable.Range(0, PerKey).Select(i => $"{key.Key}{i:00}"), key);
        }
    }

    /// <summary>Who shares something out among consumers has to know.</summary>
    [Fact]
    public async Task In_order_consumers_work_side_by_side_or_in_turn_as_is_declared()
    {
        var first = await OpenAsync();
        if (await RefusesOrderingAsync(first))
        {
            return;
        }

        const int Keys = 6;
        var second = await OpenSecondAsync(first) ?? first;
        using var places = new SemaphoreSlim(0);
        var begun = new Recorder<string>();
        async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken cancellationToken)
        {
            begun.Add(Text(delivery.Payload));
            await places.WaitAsync(Cancel);
            return QueueVerdict.Ack;
        }

        await using var one = await first.ConsumeAsync(Ordered, HandleAsync, Cancel);
        await using var two = await second.ConsumeAsync(Ordered, HandleAsync, Cancel);
        await EnqueueKeyedAsync(first, [.. Enumerable.Range(0, Keys).Select(key => $"{(char)('a' + key)}")]);
        for (var ended = 0; first.Features.HasFlag(BrokerFeatures.OrderedInTurn) && ended < Keys; ended++)
        {
            Assert.Equal(ended + 1, (await begun.WaitForAsync(ended + 1)).Count);
            places.Release();
        }

        await begun.WaitForAsync(2);
        places.Release(Keys);
        await begun.WaitForAsync(Keys);
    }

    /// <summary>A crash in the handler is a failed attempt, in order too.</summary>
    [Fact]
    public async Task In_order_a_handler_that_throws_holds_its_key_back()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker,
            Ordered with { Concurrency = 3 },
            deliveries,
            seen => seen.Text == "a1" && seen.Attempt < 3 ? throw new InvalidOperationException("A handler of the suite throws on purpose.") : QueueVerdict.Ack);
        await EnqueueKeyedAsync(broker, "a1", "a2", "a3");

        Assert.Equal([new("a1", 1), new("a1", 2), new("a1", 3), new("a2", 1), new("a3", 1)], await deliveries.WaitForAsync(5));
    }

    /// <summary>Side by side.</summary>
    [Fact]
    public async Task In_order_keys_are_handled_at_the_same_time_and_one_message_of_each()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var holder = new Holder();
        await using var consumer = await broker.ConsumeAsync(Ordered with { Concurrency = 8 }, holder.HandleAsync, Cancel);
        await EnqueueKeyedAsync(broker, "a1", "a2", "b1", "b2", "c1", "c2");
        await holder.Started.WaitForAsync(3);

        // It comes last and would be the last to start, were there anything else to start.
        await EnqueueKeyedAsync(broker, "d1");
        Assert.Equal(["a1", "b1", "c1", "d1"], (await TextsAsync(holder.Started, 4)).Order());
        holder.Release();
        Assert.Equal(["a2", "b2", "c2"], (await TextsAsync(holder.Started, 7))[4..].Order());
    }

    /// <summary>Waiting takes no place.</summary>
    [Fact]
    public async Task In_order_many_keys_that_wait_long_for_their_next_attempt_leave_the_concurrency_to_others()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker, Ordered, deliveries, seen => seen.Text[0] == 'z' ? QueueVerdict.Ack : QueueVerdict.RetryAfter(TimeSpan.FromMinutes(10)));
        await EnqueueKeyedAsync(broker, [.. Enumerable.Range(0, 20).SelectMany(key => (string[])[$"{(char)('a' + key)}1", $"{(char)('a' + key)}2"]), "z1", "z2"]);

        var seen = await deliveries.WaitForAsync(22);
        Assert.Equal(["z1", "z2"], seen.Where(each => each.Text[0] == 'z').Select(each => each.Text));
        Assert.All(seen.Where(each => each.Text[0] != 'z'), each => Assert.Equal(('1', 1), (each.Text[1], each.Attempt)));
    }

    /// <summary>Who does not ask for order gets none.</summary>
    [Fact]
    public async Task Without_order_messages_of_one_key_are_handled_at_the_same_time()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var holder = new Holder();
        await using var consumer = await broker.ConsumeAsync(new QueueSubscription(_queue) { Concurrency = 3 }, holder.HandleAsync, Cancel);
        await EnqueueKeyedAsync(broker, "a1", "a2", "a3");

        Assert.Equal(["a1", "a2", "a3"], (await TextsAsync(holder.Started, 3)).Order());
        holder.Release();
    }

    /// <summary>Order is a matter of the group.</summary>
    [Fact]
    public async Task One_group_of_a_queue_may_be_in_order_and_another_not()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker) || await RefusesGroupsAsync(broker))
        {
            return;
        }

        var (strict, loose) = (new Holder(), new Holder());
        await using var one = await broker.ConsumeAsync(Ordered with { Group = "strict", Concurrency = 2 }, strict.HandleAsync, Cancel);
        await using var two = await broker.ConsumeAsync(new QueueSubscription(_queue) { Group = "loose", Concurrency = 2 }, loose.HandleAsync, Cancel);
        await EnqueueKeyedAsync(broker, "a1", "a2");

        Assert.Equal(["a1", "a2"], (await TextsAsync(loose.Started, 2)).Order());
        Assert.Equal(["a1"], await TextsAsync(strict.Started, 1));
        strict.Release();
        loose.Release();
        Assert.Equal(["a1", "a2"], await TextsAsync(strict.Started, 2));
    }

    /// <summary>A group has one idea of order at a time.</summary>
    [Fact]
    public async Task Consumers_of_one_group_that_disagree_about_order_are_refused()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        var plain = new QueueSubscription(_queue);
        var ordered = plain with { Ordering = QueueOrdering.PerKey };
        var deliveries = new Recorder<Seen>();
        var consumer = await ConsumeAsync(broker, plain, deliveries);
        await RefusesAsync(BrokerErrorCodes.Conflict, async () => await ConsumeAsync(broker, ordered, deliveries));
        await consumer.DisposeAsync();
        await EnqueueKeyedAsync(broker, "a1", "a2");

        await using var next = await ConsumeAsync(broker, ordered, deliveries);
        Assert.Equal(["a1", "a2"], (await deliveries.WaitForAsync(2)).Select(seen => seen.Text));
    }

    /// <summary>Agreement is needed over instances.</summary>
    [Fact]
    public async Task A_consumer_that_disagrees_with_another_instance_about_order_is_refused_until_that_one_leaves()
    {
        var first = await OpenAsync();
        if (await RefusesOrderingAsync(first))
        {
            return;
        }

        var second = await OpenSecondAsync(first) ?? first;
        var deliveries = new Recorder<Seen>();
        var consumer = await ConsumeAsync(first, Ordered, deliveries);
        await RefusesAsync(BrokerErrorCodes.Conflict, async () => await ConsumeAsync(second, new QueueSubscription(_queue), deliveries));
        await EnqueueKeyedAsync(second, "a1");
        await deliveries.WaitForAsync(1);
        await consumer.DisposeAsync();
        await using var next = await ConsumeAsync(second, new QueueSubscription(_queue), deliveries);
        await EnqueueKeyedAsync(first, "a2");

        Assert.Equal(["a1", "a2"], await TextsAsync(deliveries, 2));
    }

    /// <summary>Handing a line over.</summary>
    [Fact]
    public async Task In_order_what_a_disposed_consumer_had_begun_goes_first_at_its_successor()
    {
        var first = await OpenAsync();
        if (await RefusesOrderingAsync(first))
        {
            return;
        }

        var second = await OpenSecondAsync(first) ?? first;
        var holder = new Holder();
        var consumer = await first.ConsumeAsync(Ordered with { DrainTimeout = TimeSpan.Zero }, holder.HandleAsync, Cancel);
        await EnqueueKeyedAsync(first, "a1", "a2", "a3");
        await holder.Started.WaitForAsync(1);
        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(second, Ordered, deliveries);
        await consumer.DisposeAsync();

        Assert.Equal([new("a1", 2), new("a2", 1), new("a3", 1)], await deliveries.WaitForAsync(3));
        Assert.Equal([new("a1", 1)], holder.Started.Items);
    }

    /// <summary>Handing over much: what was read ahead comes back as it was.</summary>
    [Fact]
    public async Task In_order_many_messages_of_a_disposed_consumer_come_in_order_at_its_successor()
    {
        var first = await OpenAsync();
        if (await RefusesOrderingAsync(first))
        {
            return;
        }

        const int Keys = 5;
        const int PerKey = 18;
        var second = await OpenSecondAsync(first) ?? first;
        var holder = new Holder();
        var consumer = await first.ConsumeAsync(Ordered with { DrainTimeout = TimeSpan.Zero }, holder.HandleAsync, Cancel);
        await EnqueueKeyedAsync(
            first, [.. Enumerable.Range(0, PerKey).SelectMany(number => Enumerable.Range(0, Keys).Select(key => $"{(char)('a' + key)}{number:00}"))]);
        await holder.Started.WaitForAsync(1);
        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(second, Ordered with { Concurrency = 8 }, deliveries);
        await consumer.DisposeAsync();

        foreach (var key in (await deliveries.WaitForAsync(Keys * PerKey)).GroupBy(seen => seen.Text[0]))
        {
            Assert.Equal(Enumerable.Range(0, PerKey).Select(number => $"{key.Key}{number:00}"), key.Select(seen => seen.Text));
        }
    }

    /// <summary>Two wishes at once.</summary>
    [Fact]
    public async Task In_order_priority_does_not_reorder_within_a_key()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker) || await RefusesPriorityAsync(broker))
        {
            return;
        }

        foreach (var (index, text) in ((string[])["a1", "a2", "b1", "a3", "b2"]).Index())
        {
            await broker.EnqueueAsync(_queue, Message(text), new EnqueueOptions { OrderingKey = text[..1], Priority = index }, Cancel);
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, Ordered with { Concurrency = 2 }, deliveries);
        var seen = await TextsAsync(deliveries, 5);
        Assert.Equal(["a1", "a2", "a3"], seen.Where(text => text[0] == 'a'));
        Assert.Equal(["b1", "b2"], seen.Where(text => text[0] == 'b'));
    }

    /// <summary>A delay is no place in the line.</summary>
    [Fact]
    public async Task In_order_a_delayed_message_joins_its_line_when_it_falls_due()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker) || await RefusesDelayAsync(broker))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, Ordered, deliveries);
        await broker.EnqueueAsync(
            _queue, Message("a-late"), new EnqueueOptions { OrderingKey = "a", Delay = TimeSpan.FromSeconds(1) }, Cancel);
        await EnqueueKeyedAsync(broker, "a1", "a2");

        Assert.Equal(["a1", "a2", "a-late"], await TextsAsync(deliveries, 3));
    }

    /// <summary>A second chance is at the end.</summary>
    [Fact]
    public async Task In_order_a_redriven_message_is_the_last_of_its_key()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker) || Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        var killer = await ConsumeAsync(broker, Ordered, new Recorder<Seen>(), _ => QueueVerdict.DeadLetter(Boom));
        await EnqueueKeyedAsync(broker, "a1");
        var dead = (await WaitForDeadAsync(deadLetters, 1))[0];
        await killer.DisposeAsync();
        await EnqueueKeyedAsync(broker, "a2", "a3");
        Assert.True(await deadLetters.RedriveAsync(_queue, "default", dead.MessageId, Cancel));
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, Ordered with { Concurrency = 3 }, deliveries);

        Assert.Equal([new("a2", 1), new("a3", 1), new("a1", 1)], await deliveries.WaitForAsync(3));
    }

    /// <summary>What is a key.</summary>
    [Fact]
    public async Task An_ordering_key_is_any_text_up_to_its_bound()
    {
        var broker = await OpenAsync();
        if (await RefusesOrderingAsync(broker))
        {
            return;
        }

        string[] keys = [" ", "A", "a", "é", "e\u0301", "日本 😀", "*", "a.b:c/d", new('k', BrokerLimits.MaxKeyBytes)];
        var deliveries = new Recorder<string?>();
        var holder = new Holder();
        await using var consumer = await broker.ConsumeAsync(
            Ordered with { Concurrency = keys.Length },
            (delivery, cancellationToken) =>
            {
                deliveries.Add(delivery.OrderingKey);
                return holder.HandleAsync(delivery, cancellationToken);
            },
            Cancel);
        foreach (var key in keys)
        {
            await broker.EnqueueAsync(_queue, Message("x"), new EnqueueOptions { OrderingKey = key }, Cancel);
        }

        // All at the same time: each is a line of its own.
        Assert.Equal(keys.Order(StringComparer.Ordinal), (await deliveries.WaitForAsync(keys.Length)).Order(StringComparer.Ordinal));
        holder.Release();
        foreach (var bad in (string[])["", "nul\0", new('k', BrokerLimits.MaxKeyBytes + 1)])
        {
            await RefusesAsync(
                BrokerErrorCodes.InvalidName, async () => await broker.EnqueueAsync(_queue, Message("x"), new EnqueueOptions { OrderingKey = bad }, Cancel));
        }
    }

    /// <summary>Attempts are the message's.</summary>
    [Fact]
    public async Task In_order_a_message_keeps_its_attempts_when_its_consumer_ends_while_it_waits_for_the_next()
    {
        var first = await OpenAsync();
        if (await RefusesOrderingAsync(first))
        {
            return;
        }

        var second = await OpenSecondAsync(first) ?? first;
        var deliveries = new Recorder<QueueDelivery>();
        var seen = new Recorder<Seen>();
        var consumer = await ConsumeAsync(
            first, Ordered, seen, each => QueueVerdict.RetryAfter(each.Attempt < 3 ? TimeSpan.Zero : TimeSpan.FromSeconds(1), Boom));
        await EnqueueKeyedAsync(first, "a1", "a2");
        await seen.WaitForAsync(3);
        await consumer.DisposeAsync();
        await using var next = await second.ConsumeAsync(
            Ordered,
            (delivery, _) =>
            {
                deliveries.Add(delivery with { Payload = delivery.Payload.ToArray() });
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);

        var rest = await deliveries.WaitForAsync(2);
        Assert.Equal([("a1", 4), ("a2", 1)], rest.Select(delivery => (Text(delivery.Payload), delivery.Attempt)));
        Assert.Equal([Boom, Boom, Boom], rest[0].Failures.Select(failure => failure.Failure));
    }
}
