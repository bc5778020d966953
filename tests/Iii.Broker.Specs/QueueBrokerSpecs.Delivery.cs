using System.Collections.Concurrent;
using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
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

    /// <summary>Nothing on the way looks at it.</summary>
    [Fact]
    public async Task Any_payload_arrives_byte_for_byte_whether_it_had_to_wait_or_not()
    {
        var broker = await OpenAsync();
        var largest = new byte[broker.Limits.MaxMessageBytes];
        new Random(7).NextBytes(largest);
        byte[][] payloads = [[], [0], [0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80], [.. "\r\n$-1\r\n{\"a\":"u8], largest];
        var received = new Recorder<byte[]>();
        await EnqueueAllAsync();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            (delivery, _) =>
            {
                received.Add(delivery.Payload.ToArray());
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        await received.WaitForAsync(payloads.Length);
        await EnqueueAllAsync();

        Assert.Equal<byte[]>([.. payloads, .. payloads], await received.WaitForAsync(2 * payloads.Length));

        async Task EnqueueAllAsync()
        {
            foreach (var payload in payloads)
            {
                await broker.EnqueueAsync(_queue, new QueueMessage(payload), cancellationToken: Cancel);
            }
        }
    }

    /// <summary>Headers up to the bounds.</summary>
    [Fact]
    public async Task As_many_and_as_large_headers_as_are_allowed_arrive_as_they_were_given()
    {
        var broker = await OpenAsync();
        var headers = Enumerable.Range(10, BrokerLimits.MaxHeaders - 1).ToDictionary(i => $"é {i}", _ => "日本\t😀\n");
        headers["empty"] = "";
        var largest = new Dictionary<string, string> { ["k"] = new('v', BrokerLimits.MaxHeaderBytes - 1) };
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "default", deliveries);
        foreach (var each in (Dictionary<string, string>[])[headers, largest, []])
        {
            await broker.EnqueueAsync(_queue, Message("x") with { Headers = each }, cancellationToken: Cancel);
        }

        var seen = await deliveries.WaitForAsync(3);
        Assert.Equal(headers.OrderBy(pair => pair.Key), seen[0].Headers.OrderBy(pair => pair.Key));
        Assert.Equal(largest, seen[1].Headers);
        Assert.Empty(seen[2].Headers);
    }

    /// <summary>Identity.</summary>
    [Fact]
    public async Task Every_message_has_an_id_of_its_own_that_is_a_name()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var receipts = await Task.WhenAll(Enumerable.Range(0, 80).Select(
            i => (i % 2 == 0 ? first : second).EnqueueAsync(_queue, Message("same"), cancellationToken: Cancel).AsTask()));

        Assert.Equal(receipts.Length, receipts.Select(receipt => receipt.MessageId).Distinct().Count());
        Assert.All(receipts, receipt => BrokerNames.CheckName("message id", receipt.MessageId));
    }

    /// <summary>The word of a receipt.</summary>
    [Fact]
    public async Task A_receipt_promises_durability_when_the_adapter_declares_it_and_only_then()
    {
        var broker = await OpenAsync();
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);

        Assert.Equal(broker.Features.HasFlag(BrokerFeatures.Durable), receipt.Durability != Durability.Volatile);
        Assert.True(Enum.IsDefined(receipt.Durability));
        Assert.False(receipt.IsDuplicate);
    }

    /// <summary>When it was accepted, not when it was delivered.</summary>
    [Fact]
    public async Task A_delivery_tells_when_its_message_was_accepted_however_long_it_waited()
    {
        var broker = await OpenAsync();
        var before = DateTimeOffset.UtcNow;
        await EnqueueAsync(broker, "1");
        var after = DateTimeOffset.UtcNow;
        var deliveries = new Recorder<QueueDelivery>();
        await Eventually.HoldsAsync("time has passed", () => DateTimeOffset.UtcNow > after + ClockTolerance);
        await using var consumer = await ConsumeRawAsync(
            broker, "default", deliveries, delivery => delivery.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(50)) : QueueVerdict.Ack);

        var seen = await deliveries.WaitForAsync(2);
        Assert.InRange(seen[0].EnqueuedAt, before - ClockTolerance, after + ClockTolerance);
        Assert.Equal(seen[0].EnqueuedAt, seen[1].EnqueuedAt);
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

    /// <summary>Names do not run into each other, whatever an adapter joins them with.</summary>
    [Fact]
    public async Task Queues_and_groups_whose_names_are_alike_are_apart()
    {
        var broker = await OpenAsync();
        (string Queue, string Group)[] addresses =
            [("a", "b:c"), ("a:b", "c"), ("A", "b"), ("a.b", "c"), ("a/b", "c"), ("a*", "c"), ("a b", "c"), ("a%20b", "c"), ("é", "c"), ("e\u0301", "c")];
        var deliveries = new Recorder<(string, string, string)>();
        foreach (var (queue, group) in addresses)
        {
            await broker.ConsumeAsync(
                new QueueSubscription(queue) { Group = group },
                (delivery, _) =>
                {
                    deliveries.Add((delivery.Queue, delivery.Group, Text(delivery.Payload)));
                    return ValueTask.FromResult(QueueVerdict.Ack);
                },
                Cancel);
        }

        foreach (var (queue, group) in addresses)
        {
            await broker.EnqueueAsync(queue, Message($"{queue}+{group}"), cancellationToken: Cancel);
        }

        var seen = await deliveries.WaitForAsync(addresses.Length);
        Assert.Equal(
            addresses.Select(each => (each.Queue, each.Group, $"{each.Queue}+{each.Group}")).Order(), seen.Order());
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

    /// <summary>Headers are borrowed as the payload is.</summary>
    [Fact]
    public async Task The_headers_are_the_producers_again_when_enqueueing_has_completed()
    {
        var broker = await OpenAsync();
        var headers = new Dictionary<string, string> { ["k"] = "before" };
        await broker.EnqueueAsync(_queue, Message("1") with { Headers = headers }, cancellationToken: Cancel);
        headers["k"] = "after";
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "default", deliveries);

        Assert.Equal("before", (await deliveries.WaitForAsync(1))[0].Headers["k"]);
    }

    /// <summary>What is lent is not taken back early.</summary>
    [Fact]
    public async Task The_payload_is_the_handlers_until_it_has_returned()
    {
        var broker = await OpenAsync();
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var early = new ConcurrentDictionary<string, byte[]>();
        var late = new ConcurrentDictionary<string, byte[]>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue) { Concurrency = 4 },
            async (delivery, _) =>
            {
                early[delivery.MessageId] = delivery.Payload.ToArray();
                await released.Task;
                late[delivery.MessageId] = delivery.Payload.ToArray();
                return QueueVerdict.Ack;
            },
            Cancel);
        for (var i = 0; i < 4; i++)
        {
            await broker.EnqueueAsync(_queue, new QueueMessage(Enumerable.Repeat((byte)('a' + i), 5_000).ToArray()), cancellationToken: Cancel);
        }

        await Eventually.HoldsAsync("four handlers run", () => early.Count == 4);
        released.SetResult();
        await Eventually.HoldsAsync("all have returned", () => late.Count == 4);
        Assert.Equal(4, early.Values.Select(payload => payload.Distinct().Single()).Distinct().Count());
        Assert.All(early, pair => Assert.Equal(pair.Value, late[pair.Key]));
    }

    /// <summary>Threads are not shared with handlers.</summary>
    [Fact]
    public async Task A_handler_that_blocks_its_thread_holds_up_neither_its_producer_nor_other_consumers()
    {
        var broker = await OpenAsync();
        using var released = new ManualResetEventSlim();
        var others = new Recorder<Seen>();
        var blocked = 0;
        await using var blocking = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            (_, cancellationToken) =>
            {
                Interlocked.Increment(ref blocked);
                released.Wait(Eventually.Bound, cancellationToken);
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        var other = Unique("queue");
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(other), others);
        await EnqueueAsync(broker, "1");
        await Eventually.HoldsAsync("the handler blocks", () => Volatile.Read(ref blocked) == 1);

        await broker.EnqueueAsync(other, Message("2"), cancellationToken: Cancel);
        Assert.Equal(["2"], await TextsAsync(others, 1));
        released.Set();
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

    /// <summary>The bound is the subscription's, not the group's.</summary>
    [Fact]
    public async Task Every_consumer_of_a_group_has_a_concurrency_of_its_own()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var (one, three) = (new Holder(), new Holder());
        await using var small = await first.ConsumeAsync(new QueueSubscription(_queue), one.HandleAsync, Cancel);
        await using var large = await second.ConsumeAsync(new QueueSubscription(_queue) { Concurrency = 3 }, three.HandleAsync, Cancel);
        await EnqueueAsync(first, [.. Enumerable.Range(0, 12).Select(i => $"{i}")]);

        await Eventually.HoldsAsync("both are full", () => (one.Started.Items.Count, three.Started.Items.Count) == (1, 3));
        one.Release();
        three.Release();
        await Eventually.HoldsAsync("all are handled", () => one.Started.Items.Count + three.Started.Items.Count == 12);
    }

    /// <summary>Work goes where there is room.</summary>
    [Fact]
    public async Task A_busy_consumer_leaves_messages_to_an_idle_one()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var busy = new Holder();
        var deliveries = new Recorder<Seen>();
        await using var holding = await first.ConsumeAsync(new QueueSubscription(_queue), busy.HandleAsync, Cancel);
        await EnqueueAsync(first, "held");
        await busy.Started.WaitForAsync(1);
        await using var idle = await ConsumeAsync(second, new QueueSubscription(_queue), deliveries);
        await EnqueueAsync(first, "1", "2", "3", "4", "5");

        Assert.Equal(["1", "2", "3", "4", "5"], await TextsAsync(deliveries, 5));
        busy.Release();
    }

    /// <summary>Queues are apart.</summary>
    [Fact]
    public async Task Many_queues_at_once_get_their_own_messages_each()
    {
        var broker = await OpenAsync();
        var queues = Enumerable.Range(0, 12).Select(i => Unique($"q{i:00}")).ToArray();
        var deliveries = new Recorder<(string Queue, string Text)>();
        await Task.WhenAll(queues.Select(queue => broker.ConsumeAsync(
            new QueueSubscription(queue),
            (delivery, _) =>
            {
                deliveries.Add((delivery.Queue, Text(delivery.Payload)));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel).AsTask()));
        await Task.WhenAll(queues.SelectMany(queue => Enumerable.Range(0, 3).Select(
            i => broker.EnqueueAsync(queue, Message($"{queue}.{i}"), cancellationToken: Cancel).AsTask())));

        var seen = await deliveries.WaitForAsync(queues.Length * 3);
        Assert.Equal(
            queues.SelectMany(queue => Enumerable.Range(0, 3).Select(i => (queue, $"{queue}.{i}"))).Order(), seen.Order());
    }

    /// <summary>A crowd.</summary>
    [Fact]
    public async Task Many_producers_and_consumers_handle_every_message_once()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        const int Producers = 4;
        var perProducer = first.Limits.MaxQueueLength / Producers;
        var deliveries = new Recorder<Seen>();
        for (var i = 0; i < 4; i++)
        {
            await ConsumeAsync(i % 2 == 0 ? first : second, new QueueSubscription(_queue) { Concurrency = 3 }, deliveries);
        }

        await Task.WhenAll(Enumerable.Range(0, Producers).Select(producer => Task.Run(async () =>
        {
            for (var i = 0; i < perProducer; i++)
            {
                await EnqueueAsync(producer % 2 == 0 ? second : first, $"{producer}.{i:00}");
            }
        })));

        var seen = await deliveries.WaitForAsync(Producers * perProducer);
        Assert.Equal(
            Enumerable.Range(0, Producers).SelectMany(producer => Enumerable.Range(0, perProducer).Select(i => new Seen($"{producer}.{i:00}", 1))),
            seen.OrderBy(each => each.Text, StringComparer.Ordinal));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); value > seen; seen = Volatile.Read(ref target))
        {
            Interlocked.CompareExchange(ref target, value, seen);
        }
    }
}
