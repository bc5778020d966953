using System.Collections.Concurrent;
using System.Text;
using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Tests;

/// <summary>What the queues do beyond the contract, on a server that works.</summary>
public sealed class RabbitMqQueueBrokerTests(SharedServer shared) : QueueTests(shared)
{
    private const string Queue = "orders/été %";

    private static readonly AttemptFailure Boom = new("boom", "It failed on purpose.");

    /// <summary>The way through the delays is one of confirmations: under load too, it doubles nothing.</summary>
    [Fact]
    public async Task Retries_are_neither_lost_nor_doubled_when_there_are_many()
    {
        const int Messages = 6_000;
        var broker = await OpenAsync();
        var seen = new ConcurrentDictionary<(string, int), int>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(Queue) { Concurrency = 64 },
            (delivery, _) =>
            {
                seen.AddOrUpdate((Text(delivery), delivery.Attempt), 1, static (_, count) => count + 1);
                return ValueTask.FromResult(delivery.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(1), Boom) : QueueVerdict.Ack);
            },
            Cancel);
        await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => EnqueueAsync(broker, $"{i}").AsTask()));

        await Eventually.HoldsAsync($"all have come twice, but {seen.Count} did", () => seen.Count == 2 * Messages);
        await Eventually.HoldsAsync("nothing is left", async () => await CountAsync($"iii.jobs.{Cluster}/orders%2Fété %25/default") == 0);
        Assert.DoesNotContain(seen, static each => each.Value > 1);
    }

    /// <summary>The broker's channel holds acknowledgements back when there are many, and forgets those when it is closed.</summary>
    [Theory]
    [InlineData(QueueOrdering.None, 256)]
    [InlineData(QueueOrdering.None, 8)]
    [InlineData(QueueOrdering.PerKey, 256)]
    public async Task A_consumer_that_is_disposed_under_load_leaves_nothing_of_what_it_has_handled(QueueOrdering ordering, int concurrency)
    {
        const int Messages = 3_000;
        var broker = await OpenAsync();
        var (seen, repeated) = (new ConcurrentDictionary<string, int>(), new Recorder<(string, int)>());
        var subscription = new QueueSubscription(Queue) { Concurrency = concurrency, Ordering = ordering };
        async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken cancellationToken)
        {
            if (delivery.Attempt > 1)
            {
                repeated.Add((Text(delivery), delivery.Attempt));
            }

            seen.AddOrUpdate(Text(delivery), 1, static (_, count) => count + 1);
            await Task.Yield();
            return QueueVerdict.Ack;
        }

        var enqueueing = Task.WhenAll(Enumerable.Range(0, Messages).Select(i => EnqueueAsync(broker, $"{i}", $"{i % 500}").AsTask()));
        for (var turn = 1; turn <= 5; turn++)
        {
            await using var consumer = await broker.ConsumeAsync(subscription, HandleAsync, Cancel);
            await Eventually.HoldsAsync("some are handled", () => seen.Count >= Messages * turn / 6);
        }

        await enqueueing;
        await using var last = await broker.ConsumeAsync(subscription, HandleAsync, Cancel);
        await Eventually.HoldsAsync($"all are handled, but {seen.Count} are", () => seen.Count == Messages);
        Assert.DoesNotContain(seen, static each => each.Value > 1);

        // What was given back had not been begun.
        Assert.Empty(repeated.Items);
    }

    [Fact]
    public async Task A_handler_whose_token_throws_keeps_the_connection_from_nothing()
    {
        var instance = await World.OpenAsync();
        var broker = await OpenAsync(instance);
        var seen = new Recorder<int>();
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await broker.ConsumeAsync(
            new QueueSubscription(Queue),
            async (delivery, lost) =>
            {
                seen.Add(delivery.Attempt);
                if (delivery.Attempt == 1)
                {
                    await using var first = lost.Register(told.SetResult);
                    await using var second = lost.Register(static () => throw new InvalidOperationException("on purpose"));
                    await told.Task;
                }

                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1");
        await seen.WaitForAsync(1);
        instance.Proxy.Cut();
        await Eventually.CompletesAsync("the loss is told", told.Task);
        instance.Proxy.Restore();

        Assert.Equal([1, 2], await seen.WaitForAsync(2));
    }

    [Fact]
    public async Task A_consume_that_is_cancelled_leaves_no_consumer()
    {
        var broker = await OpenAsync();
        await (await broker.ConsumeAsync(new QueueSubscription(Queue), Record(new Recorder<string>()), Cancel)).DisposeAsync();
        for (var i = 0; i < 60; i++)
        {
            using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            var consuming = broker.ConsumeAsync(new QueueSubscription(Queue), Record(new Recorder<string>()), cancel.Token).AsTask();

            // Each at another moment.
            await Task.WhenAny(consuming, Task.Delay(i, Cancel));
            await cancel.CancelAsync();
            try
            {
                await (await consuming).DisposeAsync();
            }
            catch (OperationCanceledException)
            {
                // In time.
            }
        }

        Assert.True(await broker.RemoveGroupAsync(Queue, Group, Cancel));
    }

    [Fact]
    public async Task Publishers_lose_and_repeat_nothing_while_the_first_groups_are_bound()
    {
        const int Messages = 3_000;
        var (first, second) = (await OpenAsync(), await OpenAsync());
        var seen = new ConcurrentDictionary<string, int>();
        var enqueueing = Task.WhenAll(Enumerable.Range(0, 8).Select(publisher => Task.Run(
            async () =>
            {
                for (var i = publisher; i < Messages; i += 8)
                {
                    await EnqueueAsync(i % 2 == 0 ? first : second, $"{i}");
                }
            },
            Cancel)));
        await Eventually.HoldsAsync("some are held", async () => await CountAsync($"iii.held.{Cluster}/orders%2Fété %25") > 100);

        await Task.WhenAll(Consume(first), Consume(second));
        await enqueueing;
        await Eventually.HoldsAsync($"all have come, but {seen.Count} have", () => seen.Count == Messages);
        Assert.All(seen, each => Assert.Equal(1, each.Value));

        async Task Consume(RabbitMqQueueBroker broker) => await broker.ConsumeAsync(
            new QueueSubscription(Queue) { Concurrency = 64 },
            (delivery, _) =>
            {
                seen.AddOrUpdate(Text(delivery), 1, (_, count) => count + 1);
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
    }

    [Fact]
    public async Task Many_messages_that_were_held_keep_their_order()
    {
        var broker = await OpenAsync();
        await EnqueueAsync(broker, "0");
        await Task.WhenAll(Enumerable.Range(1, 699).Select(i => EnqueueAsync(broker, $"{i}").AsTask()));
        var seen = new Recorder<string>();
        await broker.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel);

        Assert.Equal(Enumerable.Range(0, 700).Select(i => $"{i}"), await seen.WaitForAsync(700));
    }

    [Fact]
    public async Task A_message_that_is_none_of_ours_becomes_a_dead_letter_with_its_bytes_and_blocks_nothing()
    {
        var broker = await OpenAsync();
        var seen = new Recorder<string>();
        await broker.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel);
        await using var raw = await OpenRawAsync();
        var channel = await raw.CreateChannelAsync(new CreateChannelOptions(true, true), Cancel);
        byte[][] foreign = [[], "{}"u8.ToArray(), [1], [1, 0, 0, 0, 255, 65], [2, 0, 0, 0, 0]];
        foreach (var body in foreign)
        {
            await channel.BasicPublishAsync($"iii.queue.{Cluster}/orders%2Fété %25", "", body, Cancel);
        }

        await EnqueueAsync(broker, "ours");
        Assert.Equal(["ours"], await seen.WaitForAsync(1));
        IReadOnlyList<DeadLetterRecord> dead = [];
        await Eventually.HoldsAsync("they are dead letters", async () =>
            (dead = (await broker.ListAsync(Queue, Group, PageRequest.First, Cancel)).Items).Count == foreign.Length);
        Assert.Equal(foreign.Select(Convert.ToHexString).Order(), dead.Select(record => Convert.ToHexString(record.Payload.Span)).Order());
        Assert.All(dead, record => Assert.Equal(("unreadable", "unreadable"), (record.Reason.Code, record.Failures.Single().Failure.Code)));
        foreach (var record in dead)
        {
            Assert.True(await broker.DiscardAsync(Queue, Group, record.MessageId, Cancel));
        }

        Assert.Empty((await broker.ListAsync(Queue, Group, PageRequest.First, Cancel)).Items);
    }

    [Fact]
    public async Task Dead_letters_that_several_ask_for_at_once_are_all_found()
    {
        var (first, second) = (await OpenAsync(), await OpenAsync());
        await first.ConsumeAsync(new QueueSubscription(Queue), (_, _) => ValueTask.FromResult(QueueVerdict.DeadLetter(Boom)), Cancel);
        for (var i = 0; i < 20; i++)
        {
            await EnqueueAsync(first, $"{i}");
        }

        await Eventually.HoldsAsync("all are dead", async () => (await second.ListAsync(Queue, Group, PageRequest.First, Cancel)).Items.Count == 20);
        var pages = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => (i % 2 == 0 ? first : second).ListAsync(Queue, Group, PageRequest.First, Cancel).AsTask()));
        Assert.All(pages, page => Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), page.Items.Select(record => Encoding.UTF8.GetString(record.Payload.Span))));
        var discarded = await Task.WhenAll(Enumerable.Range(0, 6).Select(i =>
            (i % 2 == 0 ? first : second).DiscardAsync(Queue, Group, pages[0].Items[3].MessageId, Cancel).AsTask()));
        Assert.Single(discarded, static each => each);
    }

    [Fact]
    public async Task In_order_an_instance_that_is_cut_off_is_followed_by_another_that_goes_on_where_it_was()
    {
        var lost = await World.OpenAsync();
        var first = await OpenAsync(lost);
        var second = await OpenAsync();
        var subscription = new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, Concurrency = 4, DrainTimeout = TimeSpan.Zero };
        var started = new Recorder<string>();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await first.ConsumeAsync(
            subscription,
            async (delivery, _) =>
            {
                started.Add(Text(delivery));
                await gate.Task;
                return QueueVerdict.Ack;
            },
            Cancel);
        for (var i = 0; i < 30; i++)
        {
            await EnqueueAsync(second, $"{(char)('a' + (i % 3))}{i:00}", $"{i % 3}");
        }

        Assert.Equal(["a00", "b01", "c02"], (await started.WaitForAsync(3)).Order());
        var seen = new Recorder<(string Text, int Attempt)>();
        await second.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                seen.Add((Text(delivery), delivery.Attempt));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        lost.Proxy.Cut();

        var all = await seen.WaitForAsync(30);
        foreach (var key in all.GroupBy(each => each.Text[0]))
        {
            // Only the first of each key was being handled.
            Assert.Equal(key.OrderBy(each => each.Text).Select((each, index) => (each.Text, index == 0 ? 2 : 1)), key);
        }

        gate.SetResult();
    }

    [Fact]
    public async Task In_order_nothing_is_begun_of_what_was_read_when_the_connection_is_lost()
    {
        var instance = await World.OpenAsync();
        var (broker, other) = (await OpenAsync(instance), await OpenAsync());
        var (started, gate) = (new Recorder<string>(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await broker.ConsumeAsync(
            new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, DrainTimeout = TimeSpan.Zero },
            async (delivery, lost) =>
            {
                started.Add(Text(delivery));
                if (started.Items.Count == 1)
                {
                    await using var telling = lost.Register(told.SetResult);
                    await gate.Task;
                }

                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(other, "1", "a");
        await EnqueueAsync(other, "2", "b");
        await EnqueueAsync(other, "3", "c");
        await started.WaitForAsync(1);
        await Eventually.HoldsAsync("all are read", async () => await CountAsync($"iii.jobs.{Cluster}/orders%2Fété %25/default") == 0);

        instance.Proxy.Cut();
        await Eventually.CompletesAsync("the loss is told", told.Task);
        instance.Proxy.Restore();
        Assert.Equal(["1", "1", "2", "3"], await started.WaitForAsync(4));
        gate.SetResult();
    }

    [Fact]
    public async Task In_order_a_consumer_that_ends_hands_over_what_it_had_read_and_others_had_to_wait_for()
    {
        var broker = await OpenAsync();
        var subscription = new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey };
        var seen = new Recorder<(string Text, int Attempt)>();
        QueueHandler handler = (delivery, _) =>
        {
            seen.Add((Text(delivery), delivery.Attempt));
            return ValueTask.FromResult(delivery.Attempt == 1 && Text(delivery) == "1" ? QueueVerdict.RetryAfter(TimeSpan.FromHours(1)) : QueueVerdict.Ack);
        };
        var consumer = await broker.ConsumeAsync(subscription, handler, Cancel);
        await EnqueueAsync(broker, "1", "k");
        await EnqueueAsync(broker, "2", "k");
        await seen.WaitForAsync(1);
        await consumer.DisposeAsync();
        await broker.ConsumeAsync(subscription, handler, Cancel);

        // The pause is not remembered, the order is.
        Assert.Equal([("1", 1), ("1", 2), ("2", 1)], await seen.WaitForAsync(3));
    }

    [Fact]
    public async Task In_order_attempts_are_handed_on_also_by_a_consumer_that_ended_before_it_made_one()
    {
        var (first, second) = (await OpenAsync(), await OpenAsync());
        var subscription = new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey };
        var seen = new Recorder<(string Text, int Attempt)>();
        QueueHandler handler = (delivery, _) =>
        {
            seen.Add((Text(delivery), delivery.Attempt));
            return ValueTask.FromResult(delivery.Attempt == 2 ? QueueVerdict.RetryAfter(TimeSpan.FromHours(1), Boom) : QueueVerdict.RetryAfter(TimeSpan.Zero, Boom));
        };
        var consumer = await first.ConsumeAsync(subscription, handler, Cancel);
        await EnqueueAsync(first, "1", "k");
        await seen.WaitForAsync(2);
        await consumer.DisposeAsync();
        await (await second.ConsumeAsync(subscription with { Concurrency = 2 }, (_, _) => ValueTask.FromResult(QueueVerdict.RetryAfter(TimeSpan.FromHours(1), Boom)), Cancel)).DisposeAsync();
        var rest = new Recorder<QueueDelivery>();
        await first.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                rest.Add(delivery with { Payload = default });
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);

        // The second may or may not have come to an attempt of its own.
        var last = (await rest.WaitForAsync(1))[0];
        Assert.InRange(last.Attempt, 3, 4);
        Assert.Equal(Enumerable.Range(1, last.Attempt - 1).Select(attempt => (attempt, Boom)), last.Failures.Select(failure => (failure.Attempt, failure.Failure)));
    }

    [Fact]
    public async Task In_order_what_was_read_and_not_begun_has_no_attempt_after_a_hand_over()
    {
        var broker = await OpenAsync();
        var subscription = new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, DrainTimeout = TimeSpan.Zero };
        var (started, gate) = (new Recorder<string>(), new TaskCompletionSource<QueueVerdict>(TaskCreationOptions.RunContinuationsAsynchronously));
        var consumer = await broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                started.Add(Text(delivery));
                return new ValueTask<QueueVerdict>(gate.Task);
            },
            Cancel);
        await EnqueueAsync(broker, "1", "a");
        await EnqueueAsync(broker, "2", "b");
        await EnqueueAsync(broker, "3", "c");
        await started.WaitForAsync(1);
        await consumer.DisposeAsync();
        var seen = new Recorder<(string Text, int Attempt)>();
        await broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                seen.Add((Text(delivery), delivery.Attempt));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);

        Assert.Equal([("1", 2), ("2", 1), ("3", 1)], (await seen.WaitForAsync(3)).Order());
        gate.SetResult(QueueVerdict.Ack);
    }

    [Fact]
    public async Task In_order_a_consumer_ends_also_when_it_cannot_bury_a_message_and_hands_it_over()
    {
        var broker = await OpenAsync();
        var subscription = new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, DrainTimeout = TimeSpan.FromSeconds(1) };
        var seen = new Recorder<QueueDelivery>();
        QueueHandler handler = (delivery, _) =>
        {
            seen.Add(delivery with { Payload = default });
            return ValueTask.FromResult(delivery.Attempt == 1 ? QueueVerdict.DeadLetter(Boom) : QueueVerdict.Ack);
        };
        var consumer = await broker.ConsumeAsync(subscription, handler, Cancel);
        await using (var raw = await OpenRawAsync())
        {
            var channel = await raw.CreateChannelAsync(cancellationToken: Cancel);
            await channel.QueueDeleteAsync($"iii.dead.{Cluster}/orders%2Fété %25/{Group}", cancellationToken: Cancel);
        }

        await EnqueueAsync(broker, "1", "k");
        await seen.WaitForAsync(1);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        await broker.ConsumeAsync(subscription, handler, Cancel);

        var again = (await seen.WaitForAsync(2))[1];
        Assert.Equal((2, Boom), (again.Attempt, again.Failures.Single().Failure));
    }

    [Fact]
    public async Task In_order_no_attempt_comes_before_its_time()
    {
        var pause = TimeSpan.FromMilliseconds(5.9);
        var broker = await OpenAsync();
        var before = new ConcurrentDictionary<string, long>();
        var pauses = new Recorder<TimeSpan>();
        await broker.ConsumeAsync(
            new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey },
            (delivery, _) =>
            {
                if (before.TryGetValue(delivery.MessageId, out var start))
                {
                    pauses.Add(TimeProvider.System.GetElapsedTime(start));
                    return ValueTask.FromResult(QueueVerdict.Ack);
                }

                before[delivery.MessageId] = TimeProvider.System.GetTimestamp();
                return ValueTask.FromResult(QueueVerdict.RetryAfter(pause));
            },
            Cancel);
        for (var i = 0; i < 100; i++)
        {
            await EnqueueAsync(broker, $"{i}", $"{i}");
        }

        Assert.All(await pauses.WaitForAsync(100), each => Assert.True(each >= pause, $"{each}"));
    }

    [Fact]
    public async Task A_message_that_is_due_for_a_group_that_is_gone_is_let_go_and_holds_nothing_up()
    {
        var broker = await OpenAsync();
        var retried = new Recorder<string>();
        var consumer = await broker.ConsumeAsync(
            new QueueSubscription(Queue),
            (delivery, _) =>
            {
                retried.Add(Text(delivery));
                return ValueTask.FromResult(QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(400)));
            },
            Cancel);
        await EnqueueAsync(broker, "1");
        await retried.WaitForAsync(1);
        await consumer.DisposeAsync();
        Assert.True(await broker.RemoveGroupAsync(Queue, Group, Cancel));

        var seen = new Recorder<string>();
        await broker.ConsumeAsync(new QueueSubscription("other"), Record(seen), Cancel);
        await broker.EnqueueAsync("other", Message("2"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(500) }, Cancel);
        Assert.Equal(["2"], await seen.WaitForAsync(1));
        Assert.Single(retried.Items);
    }

    [Fact]
    public async Task A_delayed_message_goes_with_a_removed_group_also_when_that_is_bound_again()
    {
        var broker = await OpenAsync();
        var seen = new Recorder<string>();
        await (await broker.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel)).DisposeAsync();
        await broker.EnqueueAsync(Queue, Message("old"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(1_000) }, Cancel);
        Assert.True(await broker.RemoveGroupAsync(Queue, Group, Cancel));
        await broker.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel);
        await broker.EnqueueAsync(Queue, Message("new"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(1_200) }, Cancel);

        Assert.Equal(["new"], await seen.WaitForAsync(1));
    }

    [Fact]
    public async Task A_group_of_which_only_the_way_into_a_delay_was_removed_has_one_again_when_it_is_consumed()
    {
        var broker = await OpenAsync();
        var seen = new Recorder<string>();
        await (await broker.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel)).DisposeAsync();
        await using (var raw = await OpenRawAsync())
        {
            var channel = await raw.CreateChannelAsync(cancellationToken: Cancel);
            await channel.QueueDeleteAsync($"iii.later.{Cluster}/orders%2Fété %25/{Group}", cancellationToken: Cancel);
        }

        await EnqueueAsync(broker, "1");
        await broker.ConsumeAsync(
            new QueueSubscription(Queue),
            (delivery, _) =>
            {
                seen.Add($"{Text(delivery)} {delivery.Attempt}");
                return ValueTask.FromResult(delivery.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(50)) : QueueVerdict.Ack);
            },
            Cancel);

        Assert.Equal(["1 1", "1 2"], await seen.WaitForAsync(2));
    }

    [Fact]
    public async Task Messages_with_all_kinds_of_delays_come_in_order_and_none_too_early()
    {
        var broker = await OpenAsync();
        var seen = new Recorder<(string Text, TimeSpan After)>();
        await broker.ConsumeAsync(
            new QueueSubscription(Queue) { Concurrency = 16 },
            (delivery, _) =>
            {
                seen.Add((Text(delivery), DateTimeOffset.UtcNow - delivery.EnqueuedAt));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        int[] delays = [1, 15, 16, 17, 100, 255, 256, 257, 500, 999, 1000, 1023, 1500, 2000, 2999, 3000, 3700, 4100];
        await Task.WhenAll(delays.Select(delay => broker.EnqueueAsync(
            Queue, Message($"{delay}"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(delay) }, Cancel).AsTask()));

        var all = await seen.WaitForAsync(delays.Length);
        Assert.All(all, each => Assert.True(each.After.TotalMilliseconds >= int.Parse(each.Text, null) - 1, $"{each.Text} came after {each.After}"));
    }

    [Fact]
    public async Task A_delay_of_a_year_is_held_by_the_broker()
    {
        var broker = await OpenAsync();
        await broker.EnqueueAsync(Queue, Message("next year"), new EnqueueOptions { Delay = broker.Limits.MaxDelay }, Cancel);
        Assert.Equal(1u, await CountAsync($"iii.step.{Cluster}.24"));
    }

    [Fact]
    public async Task A_message_that_is_due_before_there_is_a_group_waits_for_it_and_holds_nothing_up()
    {
        var broker = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => broker.EnqueueAsync(
            "nobody yet", Message($"{i}"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(50) }, Cancel).AsTask()));
        var seen = new Recorder<string>();
        await broker.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel);
        await broker.EnqueueAsync(Queue, Message("other"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(100) }, Cancel);
        Assert.Equal(["other"], await seen.WaitForAsync(1));

        await broker.ConsumeAsync(new QueueSubscription("nobody yet"), Record(seen), Cancel);
        Assert.Equal(101, (await seen.WaitForAsync(101)).Distinct().Count());
    }

    [Fact]
    public async Task A_queue_that_was_made_with_another_bound_is_used_as_it_is()
    {
        var small = await OpenAsync(await World.OpenAsync(options => options with { Limits = new BrokerLimits { MaxQueueLength = 10 } }));
        var large = await OpenAsync(await World.OpenAsync(options => options with { Limits = new BrokerLimits { MaxQueueLength = 20 } }));
        var seen = new Recorder<string>();
        await (await small.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel)).DisposeAsync();
        await large.ConsumeAsync(new QueueSubscription(Queue), Record(seen), Cancel);
        await EnqueueAsync(large, "1");
        Assert.Equal(["1"], await seen.WaitForAsync(1));
    }

    [Fact]
    public async Task Long_names_that_differ_in_their_last_character_are_different_queues()
    {
        var broker = await OpenAsync();
        var seen = new Recorder<string>();
        var (left, right) = (new string('日', 66) + "a", new string('日', 66) + "b");
        await broker.ConsumeAsync(new QueueSubscription(left) { Group = left }, Record(seen), Cancel);
        await broker.EnqueueAsync(right, Message("right"), cancellationToken: Cancel);
        await broker.EnqueueAsync(left, Message("left"), cancellationToken: Cancel);
        Assert.Equal(["left"], await seen.WaitForAsync(1));
    }

    [Fact]
    public async Task A_full_history_of_long_failures_travels_with_a_message()
    {
        var broker = await OpenAsync();
        var failures = new Recorder<IReadOnlyList<AttemptRecord>>();
        await broker.ConsumeAsync(
            new QueueSubscription(Queue),
            (delivery, _) =>
            {
                failures.Add(delivery.Failures);
                return ValueTask.FromResult(delivery.Attempt <= BrokerLimits.MaxRememberedFailures + 3
                    ? QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure($"{delivery.Attempt}", new string('日', 10_000)))
                    : QueueVerdict.Ack);
            },
            Cancel);
        await EnqueueAsync(broker, "1");

        var last = (await failures.WaitForAsync(BrokerLimits.MaxRememberedFailures + 4))[^1];
        Assert.Equal(Enumerable.Range(4, BrokerLimits.MaxRememberedFailures), last.Select(record => record.Attempt));
        Assert.All(last, record => Assert.Equal(BrokerLimits.MaxFailureMessageLength, record.Failure.Message.Length));
    }

    private static string Text(QueueDelivery delivery) => Encoding.UTF8.GetString(delivery.Payload.Span);

    private static QueueMessage Message(string text) => new(Encoding.UTF8.GetBytes(text));

    private static ValueTask<EnqueueReceipt> EnqueueAsync(RabbitMqQueueBroker broker, string text, string? key = null) =>
        broker.EnqueueAsync(Queue, Message(text), new EnqueueOptions { OrderingKey = key }, Cancel);

    private static QueueHandler Record(Recorder<string> seen) => (delivery, _) =>
    {
        seen.Add(Text(delivery));
        return ValueTask.FromResult(QueueVerdict.Ack);
    };
}
