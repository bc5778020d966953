using System.Collections.Concurrent;
using Xunit;

namespace Iii.Broker.Specs;

/// <summary>The contract of <see cref="IQueueBroker"/>. An adapter passes when a subclass with its factory is green.</summary>
public abstract class QueueBrokerSpecs : SeamSpecs<IQueueBroker>
{
    private static readonly AttemptFailure Boom = new("boom", "It failed on purpose.") { Worker = "w-1", TraceId = "t-1" };

    private readonly string _queue = Unique("queue");

    // ---- Delivery ----

    /// <summary>A delivery tells everything that was given.</summary>
    [Fact]
    public async Task A_message_arrives_byte_for_byte_with_its_headers_and_circumstances()
    {
        var broker = await OpenAsync();
        byte[] payload = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        var headers = new Dictionary<string, string> { ["traceparent"] = "00-ab-cd-01", ["Empty"] = "", ["é"] = "line\n日本 😀" };
        var deliveries = new Recorder<(QueueDelivery Delivery, byte[] Payload)>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            (delivery, _) =>
            {
                deliveries.Add((delivery, delivery.Payload.ToArray()));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);

        var receipt = await broker.EnqueueAsync(_queue, new QueueMessage(payload) { Headers = headers }, cancellationToken: Cancel);

        var (delivery, received) = (await deliveries.WaitForAsync(1))[0];
        Assert.Equal(payload, received);
        Assert.Equal(headers.OrderBy(pair => pair.Key), delivery.Headers.OrderBy(pair => pair.Key));
        Assert.Equal((_queue, QueueSubscription.DefaultGroup), (delivery.Queue, delivery.Group));
        Assert.Equal((receipt.MessageId, 1, (string?)null, 0), (delivery.MessageId, delivery.Attempt, delivery.OrderingKey, delivery.Priority));
        Assert.Empty(delivery.Failures);
        Assert.True(delivery.EnqueuedAt > DateTimeOffset.UnixEpoch);
        Assert.False(receipt.IsDuplicate);
    }

    /// <summary>An empty message is a message.</summary>
    [Fact]
    public async Task Queue_names_and_payloads_may_be_anything_within_the_rules()
    {
        var broker = await OpenAsync();
        foreach (var queue in (string[])["orders/été 2 {x}:*?#>", "日本語.😀", new string('n', BrokerLimits.MaxNameBytes)])
        {
            var deliveries = new Recorder<Seen>();
            await using var consumer = await ConsumeAsync(
                broker, new QueueSubscription(queue) { Group = new string('g', BrokerLimits.MaxNameBytes) }, deliveries);
            await broker.EnqueueAsync(queue, new QueueMessage(ReadOnlyMemory<byte>.Empty), cancellationToken: Cancel);
            Assert.Equal("", (await deliveries.WaitForAsync(1))[0].Text);
        }
    }

    /// <summary>Producers need not wait for consumers.</summary>
    [Fact]
    public async Task Messages_enqueued_before_there_is_a_consumer_wait_for_it_in_order()
    {
        var broker = await OpenAsync();
        await EnqueueAsync(broker, "1", "2", "3");
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);

        Assert.Equal(["1", "2", "3"], (await deliveries.WaitForAsync(3)).Select(seen => seen.Text));
    }

    /// <summary>Ack is the end of it.</summary>
    [Fact]
    public async Task An_acknowledged_message_is_not_delivered_again()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        await EnqueueAsync(broker, "1");
        await deliveries.WaitForAsync(1);
        await consumer.DisposeAsync();

        await EnqueueAsync(broker, "2");
        await using var next = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);

        Assert.Equal([new("1", 1), new("2", 1)], await deliveries.WaitForAsync(2));
    }

    /// <summary>Identity and history of a message.</summary>
    [Fact]
    public async Task A_retried_message_keeps_its_id_and_counts_and_remembers_its_attempts()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            (delivery, _) =>
            {
                deliveries.Add(delivery);
                return ValueTask.FromResult(delivery.Attempt switch
                {
                    1 => QueueVerdict.RetryAfter(TimeSpan.Zero, Boom),
                    2 => QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(50), new AttemptFailure("bang", new string('m', 10_000))),
                    _ => QueueVerdict.Ack,
                });
            },
            Cancel);
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);

        var seen = await deliveries.WaitForAsync(3);
        Assert.Equal([1, 2, 3], seen.Select(delivery => delivery.Attempt));
        Assert.All(seen, delivery => Assert.Equal((receipt.MessageId, seen[0].EnqueuedAt), (delivery.MessageId, delivery.EnqueuedAt)));
        Assert.Equal([(1, "boom"), (2, "bang")], seen[2].Failures.Select(failure => (failure.Attempt, failure.Failure.Code)));
        Assert.Equal(Boom, seen[2].Failures[0].Failure);
        Assert.Equal(BrokerLimits.MaxFailureMessageLength, seen[2].Failures[1].Failure.Message.Length);
    }

    /// <summary>A retry is no reason to stand still.</summary>
    [Fact]
    public async Task A_message_that_waits_for_its_next_attempt_lets_others_pass()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker,
            new QueueSubscription(_queue),
            deliveries,
            seen => seen == new Seen("1", 1) ? QueueVerdict.RetryAfter(TimeSpan.FromSeconds(1)) : QueueVerdict.Ack);
        await EnqueueAsync(broker, "1", "2", "3");

        Assert.Equal([new("1", 1), new("2", 1), new("3", 1), new("1", 2)], await deliveries.WaitForAsync(4));
    }

    /// <summary>A crash in the handler is an attempt.</summary>
    [Fact]
    public async Task A_message_whose_handler_throws_is_delivered_again_as_the_next_attempt()
    {
        var broker = await OpenAsync();
        var failures = new Recorder<string>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            (delivery, _) =>
            {
                failures.Add($"{delivery.Attempt}:{string.Join(',', delivery.Failures.Select(failure => failure.Failure.Code))}");
                return delivery.Attempt < 3
                    ? throw new InvalidOperationException("A handler of the suite throws on purpose.")
                    : ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        await EnqueueAsync(broker, "1");

        const string F = AttemptFailure.HandlerFailed;
        Assert.Equal(["1:", $"2:{F}", $"3:{F},{F}"], await failures.WaitForAsync(3));
    }

    /// <summary>The concurrency is used, and is a bound.</summary>
    [Fact]
    public async Task As_many_handlers_run_as_the_concurrency_says_and_no_more()
    {
        var broker = await OpenAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (running, most, done) = (0, 0, 0);
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue) { Concurrency = 4 },
            async (_, _) =>
            {
                InterlockedMax(ref most, Interlocked.Increment(ref running));
                await gate.Task;
                Interlocked.Decrement(ref running);
                Interlocked.Increment(ref done);
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, [.. Enumerable.Range(0, 12).Select(i => $"{i}")]);

        await Eventually.HoldsAsync("four handlers run", () => Volatile.Read(ref running) == 4);
        gate.SetResult();
        await Eventually.HoldsAsync("all are handled", () => Volatile.Read(ref done) == 12);
        Assert.Equal(4, most);
    }

    // ---- Groups ----

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
        var a = new Recorder<QueueDelivery>();
        var b = new Recorder<QueueDelivery>();
        await using var one = await ConsumeRawAsync(broker, "a", a, delivery => delivery.Attempt < 3 ? QueueVerdict.RetryAfter(TimeSpan.Zero) : QueueVerdict.Ack);
        if (!broker.Features.HasFlag(BrokerFeatures.Groups))
        {
            await RefusesAsync(BrokerErrorCodes.NotSupported, async () => await ConsumeRawAsync(broker, "b", b, _ => QueueVerdict.Ack));
            return;
        }

        await using var two = await ConsumeRawAsync(broker, "b", b, _ => QueueVerdict.Ack);
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);

        Assert.Equal(["a1", "a2", "a3"], (await a.WaitForAsync(3)).Select(delivery => $"{delivery.Group}{delivery.Attempt}"));
        Assert.Equal(["b1"], (await b.WaitForAsync(1)).Select(delivery => $"{delivery.Group}{delivery.Attempt}"));
        Assert.All(a.Items.Concat(b.Items), delivery => Assert.Equal(receipt.MessageId, delivery.MessageId));
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
        if (!broker.Features.HasFlag(BrokerFeatures.Groups))
        {
            return; // Every_group_gets_a_copy asserts the refusal.
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

    // ---- Order ----

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
            new QueueSubscription(_queue) { Ordering = QueueOrdering.PerKey, Concurrency = 4 },
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
            new QueueSubscription(_queue) { Ordering = QueueOrdering.PerKey, Concurrency = 8 },
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
            new QueueSubscription(_queue) { Ordering = QueueOrdering.PerKey },
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

        var subscription = new QueueSubscription(_queue) { Ordering = QueueOrdering.PerKey, Concurrency = 3 };
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

    // ---- Wishes of a message ----

    /// <summary>Delay.</summary>
    [Fact]
    public async Task A_delayed_message_comes_after_those_that_are_not()
    {
        var broker = await OpenAsync();
        var delayed = new EnqueueOptions { Delay = TimeSpan.FromSeconds(2) };
        if (!broker.Features.HasFlag(BrokerFeatures.Delay))
        {
            await RefusesAsync(BrokerErrorCodes.NotSupported, async () => await broker.EnqueueAsync(_queue, Message("1"), delayed, Cancel));
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        await broker.EnqueueAsync(_queue, Message("later"), delayed, Cancel);
        await broker.EnqueueAsync(_queue, Message("sooner"), delayed with { Delay = TimeSpan.FromSeconds(1) }, Cancel);
        await EnqueueAsync(broker, "now");

        Assert.Equal(["now", "sooner", "later"], (await deliveries.WaitForAsync(3)).Select(seen => seen.Text));
        await RefusesAsync(
            BrokerErrorCodes.LimitExceeded,
            async () => await broker.EnqueueAsync(_queue, Message("x"), new EnqueueOptions { Delay = broker.Limits.MaxDelay * 2 }, Cancel));
    }

    /// <summary>Priority.</summary>
    [Fact]
    public async Task A_message_with_higher_priority_is_delivered_earlier()
    {
        var broker = await OpenAsync();
        var urgent = new EnqueueOptions { Priority = 5 };
        if (!broker.Features.HasFlag(BrokerFeatures.Priority))
        {
            await RefusesAsync(BrokerErrorCodes.NotSupported, async () => await broker.EnqueueAsync(_queue, Message("1"), urgent, Cancel));
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

    /// <summary>Deduplication.</summary>
    [Fact]
    public async Task A_duplicate_within_its_window_is_not_stored_and_gets_the_first_receipt()
    {
        var broker = await OpenAsync();
        var once = new EnqueueOptions { DeduplicationKey = "order 7", DeduplicationWindow = TimeSpan.FromSeconds(1) };
        if (!broker.Features.HasFlag(BrokerFeatures.Deduplication))
        {
            await RefusesAsync(BrokerErrorCodes.NotSupported, async () => await broker.EnqueueAsync(_queue, Message("1"), once, Cancel));
            return;
        }

        var kept = once with { DeduplicationKey = "order 8", DeduplicationWindow = TimeSpan.FromMinutes(1) };
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        var first = await broker.EnqueueAsync(_queue, Message("1"), kept, Cancel);
        await deliveries.WaitForAsync(1);
        var second = await broker.EnqueueAsync(_queue, Message("2"), kept, Cancel);
        var elsewhere = await broker.EnqueueAsync(Unique("queue"), Message("3"), kept, Cancel);
        await broker.EnqueueAsync(_queue, Message("4"), once, Cancel);
        await Eventually.HoldsAsync(
            "the window has passed", async () => !(await broker.EnqueueAsync(_queue, Message("5"), once, Cancel)).IsDuplicate);

        Assert.Equal((true, first.MessageId), (second.IsDuplicate, second.MessageId));
        Assert.False(elsewhere.IsDuplicate);
        Assert.Equal(["1", "4", "5"], (await deliveries.WaitForAsync(3)).Select(seen => seen.Text));
    }

    // ---- Optional abilities ----

    /// <summary>A declaration can be trusted.</summary>
    [Fact]
    public async Task The_adapter_implements_the_optional_interfaces_that_it_declares_and_no_others()
    {
        var broker = await OpenAsync();
        Assert.Equal(broker.Features.HasFlag(BrokerFeatures.DeadLetters), broker is IDeadLetters);
        Assert.Equal(broker.Features.HasFlag(BrokerFeatures.Inspection), broker is IQueueInspection);
        Assert.Equal(broker.Features.HasFlag(BrokerFeatures.Cancellation), broker is IMessageCancellation);
    }

    /// <summary>The end of the line.</summary>
    [Fact]
    public async Task A_dead_letter_is_delivered_no_more_and_keeps_its_payload_headers_and_history()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker,
            new QueueSubscription(_queue),
            deliveries,
            seen => seen.Text == "2" ? QueueVerdict.Ack : seen.Attempt == 1
                ? QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure("first", "one"))
                : QueueVerdict.DeadLetter(Boom));
        var message = Message("1") with { Headers = new Dictionary<string, string> { ["k"] = "v" } };
        var receipt = await broker.EnqueueAsync(_queue, message, cancellationToken: Cancel);
        await deliveries.WaitForAsync(2);
        await EnqueueAsync(broker, "2");

        Assert.Equal([new("1", 1), new("1", 2), new("2", 1)], await deliveries.WaitForAsync(3));
        if (broker is not IDeadLetters deadLetters)
        {
            return;
        }

        var record = (await WaitForDeadAsync(deadLetters, 1)).Single();
        Assert.Equal((_queue, "default", receipt.MessageId), (record.Queue, record.Group, record.MessageId));
        Assert.Equal(("1", "v", 2), (Text(record.Payload), record.Headers["k"], record.Attempts));
        Assert.Equal(Boom, record.Reason);
        Assert.Equal([(1, "first"), (2, "boom")], record.Failures.Select(failure => (failure.Attempt, failure.Failure.Code)));
        Assert.True(record.DeadAt >= record.EnqueuedAt);
    }

    /// <summary>Second chances.</summary>
    [Fact]
    public async Task A_dead_letter_is_redriven_once_from_its_first_attempt_or_discarded()
    {
        var broker = await OpenAsync();
        if (broker is not IDeadLetters deadLetters)
        {
            return; // The_adapter_implements_… asserts that it is not declared.
        }

        var isHealed = false;
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker, new QueueSubscription(_queue), deliveries, _ => isHealed ? QueueVerdict.Ack : QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, "1", "2", "3");
        var dead = await WaitForDeadAsync(deadLetters, 3);
        Assert.Equal(["1", "2", "3"], dead.Select(record => Text(record.Payload)));
        isHealed = true;

        Assert.True(await deadLetters.DiscardAsync(_queue, "default", dead[0].MessageId, Cancel));
        Assert.False(await deadLetters.RedriveAsync(_queue, "default", dead[0].MessageId, Cancel));
        Assert.True(await deadLetters.RedriveAsync(_queue, "default", dead[1].MessageId, Cancel));
        Assert.False(await deadLetters.RedriveAsync(_queue, "default", dead[1].MessageId, Cancel));
        Assert.False(await deadLetters.DiscardAsync(_queue, "default", "no-such-id", Cancel));
        Assert.False(await deadLetters.DiscardAsync(Unique("queue"), "default", dead[2].MessageId, Cancel));

        Assert.Equal(new("2", 1), (await deliveries.WaitForAsync(4))[3]);
        Assert.Equal([dead[2].MessageId], (await WaitForDeadAsync(deadLetters, 1)).Select(record => record.MessageId));
    }

    /// <summary>Pages of dead letters.</summary>
    [Fact]
    public async Task Dead_letters_are_paged_oldest_first_though_some_leave_in_between()
    {
        var broker = await OpenAsync();
        if (broker is not IDeadLetters deadLetters)
        {
            return; // The_adapter_implements_… asserts that it is not declared.
        }

        await using var consumer = await ConsumeAsync(
            broker, new QueueSubscription(_queue), new Recorder<Seen>(), _ => QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, [.. Enumerable.Range(0, 25).Select(i => $"{i:00}")]);
        await WaitForDeadAsync(deadLetters, 25);

        var texts = new List<string>();
        for (var page = new PageRequest { Limit = 10 }; ;)
        {
            var found = await deadLetters.ListAsync(_queue, "default", page, Cancel);
            Assert.True(found.Items.Count <= 10);
            texts.AddRange(found.Items.Select(record => Text(record.Payload)));
            await deadLetters.DiscardAsync(_queue, "default", found.Items[0].MessageId, Cancel);
            if (found.Next is null)
            {
                break;
            }

            page = page with { After = found.Next };
        }

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"{i:00}"), texts);
    }

    /// <summary>Taking back.</summary>
    [Fact]
    public async Task A_message_that_waits_can_be_cancelled_by_its_receipt_and_one_that_is_handled_cannot()
    {
        var broker = await OpenAsync();
        if (broker is not IMessageCancellation cancellation)
        {
            return; // The_adapter_implements_… asserts that it is not declared.
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

    /// <summary>Counts.</summary>
    [Fact]
    public async Task Inspection_counts_every_message_of_a_queue_in_one_place()
    {
        var broker = await OpenAsync();
        if (broker is not IQueueInspection inspection)
        {
            return; // The_adapter_implements_… asserts that it is not declared.
        }

        Assert.Null(await inspection.GetStatsAsync(_queue, Cancel));
        await EnqueueAsync(broker, "dead", "retry", "hold", "wait");
        Assert.Equal(4, (await inspection.GetStatsAsync(_queue, Cancel))!.Unbound);
        Assert.Contains(_queue, (await inspection.ListQueuesAsync(new PageRequest { Limit = BrokerLimits.MaxPageSize }, Cancel)).Items);

        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (delivery, _) =>
            {
                switch (Text(delivery.Payload))
                {
                    case "dead":
                        return QueueVerdict.DeadLetter(Boom);
                    case "retry" when delivery.Attempt == 1:
                        return QueueVerdict.RetryAfter(TimeSpan.FromHours(1));
                    default:
                        await gate.Task;
                        return QueueVerdict.Ack;
                }
            },
            Cancel);

        var expected = new GroupStats("default") { Waiting = 1, Delayed = 1, Delivering = 1, Dead = 1, Consumers = 1 };
        await Eventually.HoldsAsync("each place has one", async () =>
            await inspection.GetStatsAsync(_queue, Cancel) is { Unbound: 0, Groups: [var group] } && group == expected);
        gate.SetResult();
        await Eventually.HoldsAsync("two are done", async () =>
            await inspection.GetStatsAsync(_queue, Cancel) is { Groups: [var group] } && group == expected with { Waiting = 0, Delivering = 0 });
    }

    // ---- Bounds ----

    /// <summary>The length of a queue is bounded.</summary>
    [Fact]
    public async Task A_full_queue_refuses_messages_until_it_has_room_and_others_are_not_full()
    {
        var broker = await OpenAsync();
        var accepted = 0;
        BrokerException? refusal = null;
        while (refusal is null && accepted < broker.Limits.MaxQueueLength * 3)
        {
            try
            {
                await broker.EnqueueAsync(_queue, Message($"{accepted}"), cancellationToken: Cancel);
                accepted++;
            }
            catch (BrokerException exception)
            {
                refusal = exception;
            }
        }

        Assert.Equal(BrokerErrorCodes.LimitExceeded, refusal?.Code);
        Assert.True(accepted >= broker.Limits.MaxQueueLength);
        await broker.EnqueueAsync(Unique("queue"), Message("x"), cancellationToken: Cancel);

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue) { Concurrency = 8 }, deliveries);
        await deliveries.WaitForAsync(accepted);
        await Eventually.HoldsAsync("there is room again", async () =>
        {
            try
            {
                await broker.EnqueueAsync(_queue, Message("again"), cancellationToken: Cancel);
                return true;
            }
            catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.LimitExceeded)
            {
                return false;
            }
        });
    }

    /// <summary>The size of a message is bounded.</summary>
    [Fact]
    public async Task A_message_of_the_largest_size_arrives_and_larger_ones_are_refused()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        await broker.EnqueueAsync(_queue, new QueueMessage(new byte[broker.Limits.MaxMessageBytes]), cancellationToken: Cancel);
        Assert.Equal(broker.Limits.MaxMessageBytes, (await deliveries.WaitForAsync(1))[0].Text.Length);

        QueueMessage[] tooLarge =
        [
            new(new byte[broker.Limits.MaxMessageBytes + 1]),
            Message("x") with { Headers = new Dictionary<string, string> { ["k"] = new('v', BrokerLimits.MaxHeaderBytes) } },
            Message("x") with { Headers = Enumerable.Range(0, BrokerLimits.MaxHeaders + 1).ToDictionary(i => $"k{i}", i => "v") },
        ];
        foreach (var message in tooLarge)
        {
            await RefusesAsync(BrokerErrorCodes.LimitExceeded, async () => await broker.EnqueueAsync(_queue, message, null, Cancel));
        }
    }

    /// <summary>The naming rules.</summary>
    [Theory]
    [ClassData(typeof(InvalidNames))]
    public async Task A_queue_or_group_that_has_no_name_is_refused(string name)
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await broker.EnqueueAsync(name, Message("x"), null, Cancel));
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await ConsumeAsync(broker, new QueueSubscription(name), deliveries));
        await RefusesAsync(
            BrokerErrorCodes.InvalidName, async () => await ConsumeAsync(broker, new QueueSubscription(_queue) { Group = name }, deliveries));
    }

    /// <summary>Producers reuse their buffers.</summary>
    [Fact]
    public async Task The_payload_is_the_producers_again_when_enqueueing_has_completed()
    {
        var broker = await OpenAsync();
        var buffer = new byte[1];
        for (var i = 0; i < 5; i++)
        {
            buffer[0] = (byte)('a' + i);
            await broker.EnqueueAsync(_queue, new QueueMessage(buffer), cancellationToken: Cancel);
        }

        buffer[0] = (byte)'x';
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        Assert.Equal(["a", "b", "c", "d", "e"], (await deliveries.WaitForAsync(5)).Select(seen => seen.Text));
    }

    // ---- Ends ----

    /// <summary>A graceful end.</summary>
    [Fact]
    public async Task Disposing_a_consumer_twice_takes_nothing_more_and_carries_out_the_verdicts_of_what_runs()
    {
        var broker = await OpenAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<string>();
        var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (delivery, cancellationToken) =>
            {
                started.Add(Text(delivery.Payload));
                await gate.Task.WaitAsync(cancellationToken);
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1", "2");
        await started.WaitForAsync(1);

        var disposals = new[] { consumer.DisposeAsync().AsTask(), consumer.DisposeAsync().AsTask() };
        Assert.DoesNotContain(disposals, disposal => disposal.IsCompleted);
        gate.SetResult();
        await Eventually.CompletesAsync("dispose", Task.WhenAll(disposals));
        Assert.Equal(["1"], started.Items);

        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        Assert.Equal("2", (await deliveries.WaitForAsync(1))[0].Text);
        Assert.Equal(["1"], started.Items);
    }

    /// <summary>An impatient end.</summary>
    [Fact]
    public async Task A_handler_that_outlasts_the_draining_is_told_and_its_message_given_to_another()
    {
        var broker = await OpenAsync();
        var started = new Recorder<string>();
        var told = new Recorder<string>();
        var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue) { DrainTimeout = TimeSpan.FromMilliseconds(100), LeaseTime = TimeSpan.FromHours(1) },
            async (delivery, cancellationToken) =>
            {
                started.Add("started");
                var set = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                await using var registration = cancellationToken.Register(() => set.SetResult());
                await set.Task;
                told.Add("told");
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1");
        await started.WaitForAsync(1);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        await told.WaitForAsync(1);

        var failures = new Recorder<QueueDelivery>();
        await using var next = await ConsumeRawAsync(broker, "default", failures, _ => QueueVerdict.Ack);
        var again = (await failures.WaitForAsync(1))[0];
        Assert.Equal(2, again.Attempt);
        Assert.Equal(AttemptFailure.ConsumerLost, again.Failures.Single().Failure.Code);
    }

    /// <summary>A lease is no limit to a handler.</summary>
    [Fact]
    public async Task A_handler_may_run_for_longer_than_the_lease_time()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var deliveries = new Recorder<int>();
        var subscription = new QueueSubscription(_queue) { LeaseTime = QueueSubscription.MinLeaseTime };
        async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken cancellationToken)
        {
            deliveries.Add(delivery.Attempt);
            await gate.Task.WaitAsync(cancellationToken);
            return QueueVerdict.Ack;
        }

        await using var one = await first.ConsumeAsync(subscription, HandleAsync, Cancel);
        await using var two = await second.ConsumeAsync(subscription, HandleAsync, Cancel);
        await EnqueueAsync(first, "1");
        await deliveries.WaitForAsync(1);

        await Eventually.KeepsHoldingAsync("one delivery", QueueSubscription.MinLeaseTime * 2.5, () => deliveries.Items.Count == 1);
        gate.SetResult();
    }

    /// <summary>A crash of an instance.</summary>
    [Fact]
    public async Task A_message_of_an_instance_that_is_cut_off_is_delivered_to_another_as_the_next_attempt()
    {
        var first = await OpenSubjectAsync();
        if ((first.Seam.Features & (BrokerFeatures.Shared | BrokerFeatures.Durable)) == 0)
        {
            return; // It dies with its messages, and its receipts say so.
        }

        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<int>();
        var subscription = new QueueSubscription(_queue) { LeaseTime = QueueSubscription.MinLeaseTime, DrainTimeout = TimeSpan.Zero };
        var consumer = await first.Seam.ConsumeAsync(
            subscription,
            async (delivery, _) =>
            {
                started.Add(delivery.Attempt);
                await gate.Task;
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(first.Seam, "1", "2");
        await started.WaitForAsync(1);
        await first.CutOffAsync();

        var second = await OpenAsync();
        var deliveries = new Recorder<QueueDelivery>();
        await using var next = await ConsumeRawAsync(second, "default", deliveries, _ => QueueVerdict.Ack);
        var seen = (await deliveries.WaitForAsync(2)).OrderBy(delivery => delivery.Attempt).ToList();
        Assert.Equal([("2", 1), ("1", 2)], seen.Select(delivery => (Text(delivery.Payload), delivery.Attempt)));
        Assert.Equal([AttemptFailure.ConsumerLost], seen[1].Failures.Select(failure => failure.Failure.Code));
        gate.SetResult();
        await Eventually.CompletesAsync("dispose of the lost consumer", consumer.DisposeAsync().AsTask());
    }

    /// <summary>The word of a receipt.</summary>
    [Fact]
    public async Task A_receipt_is_kept_by_durable_adapters_when_the_instance_is_cut_off()
    {
        var first = await OpenSubjectAsync();
        var receipt = await first.Seam.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);
        Assert.Equal(first.Seam.Features.HasFlag(BrokerFeatures.Durable), receipt.Durability != Durability.Volatile);

        await first.CutOffAsync();

        await SoonRefusesAsync(
            BrokerErrorCodes.BrokerUnavailable, async () => await first.Seam.EnqueueAsync(_queue, Message("2"), cancellationToken: Cancel));
        if ((first.Seam.Features & (BrokerFeatures.Shared | BrokerFeatures.Durable)) != 0)
        {
            var deliveries = new Recorder<QueueDelivery>();
            await using var next = await ConsumeRawAsync(await OpenAsync(), "default", deliveries, _ => QueueVerdict.Ack);
            Assert.Equal(receipt.MessageId, (await deliveries.WaitForAsync(1))[0].MessageId);
        }
    }

    /// <summary>Closing an instance.</summary>
    [Fact]
    public async Task Disposing_the_broker_twice_drains_its_consumers_and_ends_its_use()
    {
        var broker = await OpenAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (started, ended) = (0, 0);
        await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (_, _) =>
            {
                Interlocked.Increment(ref started);
                await gate.Task;
                Interlocked.Increment(ref ended);
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1");
        await Eventually.HoldsAsync("the handler runs", () => Volatile.Read(ref started) == 1);

        var disposals = new[] { broker.DisposeAsync().AsTask(), broker.DisposeAsync().AsTask() };
        Assert.DoesNotContain(disposals, disposal => disposal.IsCompleted);
        gate.SetResult();
        await Eventually.CompletesAsync("dispose", Task.WhenAll(disposals));

        Assert.Equal(1, Volatile.Read(ref ended));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await broker.EnqueueAsync(_queue, Message("2"), null, Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>()));
    }

    // ---- Tools ----

    private static QueueMessage Message(string text) => new(Bytes(text));

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); value > seen; seen = Volatile.Read(ref target))
        {
            Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    private async Task EnqueueAsync(IQueueBroker broker, params string[] texts)
    {
        foreach (var text in texts)
        {
            await broker.EnqueueAsync(_queue, Message(text), cancellationToken: Cancel);
        }
    }

    /// <summary>The first character of each text is its key.</summary>
    private async Task EnqueueKeyedAsync(IQueueBroker broker, params string[] texts)
    {
        foreach (var text in texts)
        {
            await broker.EnqueueAsync(_queue, Message(text), new EnqueueOptions { OrderingKey = text[..1] }, Cancel);
        }
    }

    private static ValueTask<IAsyncDisposable> ConsumeAsync(
        IQueueBroker broker, QueueSubscription subscription, Recorder<Seen> deliveries, Func<Seen, QueueVerdict>? judge = null) =>
        broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                var seen = new Seen(Text(delivery.Payload), delivery.Attempt);
                deliveries.Add(seen);
                return ValueTask.FromResult(judge?.Invoke(seen) ?? QueueVerdict.Ack);
            },
            Cancel);

    private ValueTask<IAsyncDisposable> ConsumeRawAsync(
        IQueueBroker broker, string group, Recorder<QueueDelivery> deliveries, Func<QueueDelivery, QueueVerdict> judge) =>
        broker.ConsumeAsync(
            new QueueSubscription(_queue) { Group = group },
            (delivery, _) =>
            {
                // The payload is only lent.
                deliveries.Add(delivery with { Payload = delivery.Payload.ToArray() });
                return ValueTask.FromResult(judge(delivery));
            },
            Cancel);

    private async Task<IReadOnlyList<DeadLetterRecord>> WaitForDeadAsync(IDeadLetters deadLetters, int count)
    {
        IReadOnlyList<DeadLetterRecord> found = [];
        await Eventually.HoldsAsync($"there are {count} dead letters", async () =>
            (found = (await deadLetters.ListAsync(_queue, "default", PageRequest.First, Cancel)).Items).Count == count);
        return found;
    }

    /// <summary>Whether the adapter does not do order; then it has been checked that it says so.</summary>
    private async Task<bool> RefusesOrderingAsync(IQueueBroker broker)
    {
        if (broker.Features.HasFlag(BrokerFeatures.OrderingKeys))
        {
            return false;
        }

        await RefusesAsync(BrokerErrorCodes.NotSupported, () => EnqueueKeyedAsync(broker, "a1"));
        await RefusesAsync(
            BrokerErrorCodes.NotSupported,
            async () => await ConsumeAsync(broker, new QueueSubscription(_queue) { Ordering = QueueOrdering.PerKey }, new Recorder<Seen>()));
        return true;
    }

    private sealed record Seen(string Text, int Attempt);
}
