using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
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

    /// <summary>Everything that was enqueued is there.</summary>
    [Fact]
    public async Task A_dead_letter_has_all_that_was_enqueued_and_when()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        var options = new EnqueueOptions
        {
            OrderingKey = broker.Features.HasFlag(BrokerFeatures.OrderingKeys) ? "é 1" : null,
            Priority = broker.Features.HasFlag(BrokerFeatures.Priority) ? 7 : 0,
        };
        byte[] payload = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        var headers = new Dictionary<string, string> { ["traceparent"] = "00-ab-cd-01", ["é"] = "" };
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "default", deliveries, _ => QueueVerdict.DeadLetter(Boom));
        await broker.EnqueueAsync(_queue, new QueueMessage(payload) { Headers = headers }, options, Cancel);

        var record = (await WaitForDeadAsync(deadLetters, 1))[0];
        Assert.Equal(payload, record.Payload);
        Assert.Equal(headers.OrderBy(pair => pair.Key), record.Headers.OrderBy(pair => pair.Key));
        Assert.Equal((options.OrderingKey, options.Priority, 1), (record.OrderingKey, record.Priority, record.Attempts));
        Assert.Equal(deliveries.Items[0].EnqueuedAt, record.EnqueuedAt);
        Assert.InRange(record.DeadAt, record.EnqueuedAt, DateTimeOffset.UtcNow + ClockTolerance);
        Assert.InRange(record.Failures.Single().At, record.EnqueuedAt - ClockTolerance, record.DeadAt + ClockTolerance);
    }

    /// <summary>Also attempts without a verdict.</summary>
    [Fact]
    public async Task A_dead_letter_tells_of_every_attempt_how_it_ended()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        var holder = new Holder();
        var impatient = new QueueSubscription(_queue) { DrainTimeout = TimeSpan.Zero };
        var lost = await broker.ConsumeAsync(impatient, holder.HandleAsync, Cancel);
        await EnqueueAsync(broker, "1");
        await holder.Started.WaitForAsync(1);
        await lost.DisposeAsync();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>(), seen => seen.Attempt switch
        {
            2 => throw new InvalidOperationException("A handler of the suite throws on purpose."),
            3 => QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure("third", "")),
            _ => QueueVerdict.DeadLetter(Boom),
        });

        var record = (await WaitForDeadAsync(deadLetters, 1))[0];
        Assert.Equal(
            [(1, AttemptFailure.ConsumerLost), (2, AttemptFailure.HandlerFailed), (3, "third"), (4, "boom")],
            record.Failures.Select(failure => (failure.Attempt, failure.Failure.Code)));
        Assert.Equal((4, Boom), (record.Attempts, record.Reason));
        Assert.Equal(record.Failures.Select(failure => failure.At).Order(), record.Failures.Select(failure => failure.At));
    }

    /// <summary>History is bounded.</summary>
    [Fact]
    public async Task A_dead_letter_remembers_the_last_failures_and_counts_all_attempts()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        const int Attempts = BrokerLimits.MaxRememberedFailures + 3;
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>(), seen => seen.Attempt < Attempts
            ? QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure($"code {seen.Attempt}", "x"))
            : QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, "1");

        var record = (await WaitForDeadAsync(deadLetters, 1))[0];
        Assert.Equal(Attempts, record.Attempts);
        Assert.Equal(
            Enumerable.Range(Attempts - BrokerLimits.MaxRememberedFailures + 1, BrokerLimits.MaxRememberedFailures),
            record.Failures.Select(failure => failure.Attempt));
        Assert.Equal((Attempts, Boom), (record.Failures[^1].Attempt, record.Failures[^1].Failure));
    }

    /// <summary>Second chances.</summary>
    [Fact]
    public async Task A_dead_letter_is_redriven_once_from_its_first_attempt_or_discarded()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
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

    /// <summary>A fresh start.</summary>
    [Fact]
    public async Task A_redriven_message_is_the_last_of_its_line_and_the_same_but_for_its_history()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        var killer = await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>(), _ => QueueVerdict.DeadLetter(Boom));
        await broker.EnqueueAsync(_queue, Message("1") with { Headers = new Dictionary<string, string> { ["k"] = "v" } }, cancellationToken: Cancel);
        var record = (await WaitForDeadAsync(deadLetters, 1))[0];
        await killer.DisposeAsync();
        await EnqueueAsync(broker, "2", "3");
        Assert.True(await deadLetters.RedriveAsync(_queue, "default", record.MessageId, Cancel));
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "default", deliveries);

        var seen = await deliveries.WaitForAsync(3);
        Assert.Equal(["2", "3", "1"], seen.Select(delivery => Text(delivery.Payload)));
        Assert.Equal((record.MessageId, record.EnqueuedAt, 1, "v"), (seen[2].MessageId, seen[2].EnqueuedAt, seen[2].Attempt, seen[2].Headers["k"]));
        Assert.Empty(seen[2].Failures);
    }

    /// <summary>A second life is a whole one.</summary>
    [Fact]
    public async Task A_redriven_message_can_die_again_and_tells_of_its_second_life_only()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker, new QueueSubscription(_queue), deliveries, seen => seen.Attempt < 2 ? QueueVerdict.RetryAfter(TimeSpan.Zero, Boom) : QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, "1");
        var first = (await WaitForDeadAsync(deadLetters, 1))[0];
        Assert.True(await deadLetters.RedriveAsync(_queue, "default", first.MessageId, Cancel));

        Assert.Equal([new("1", 1), new("1", 2), new("1", 1), new("1", 2)], await deliveries.WaitForAsync(4));
        var second = (await WaitForDeadAsync(deadLetters, 1))[0];
        Assert.Equal((first.MessageId, 2, 2), (second.MessageId, second.Attempts, second.Failures.Count));
        Assert.True(second.DeadAt >= first.DeadAt);
    }

    /// <summary>In one step.</summary>
    [Fact]
    public async Task Of_many_that_redrive_one_dead_letter_on_any_instance_one_does()
    {
        var first = await OpenAsync();
        if (Lacks(first, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        var second = (IDeadLetters)(await OpenSecondAsync(first) ?? first);
        var isHealed = false;
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            first, new QueueSubscription(_queue), deliveries, _ => Volatile.Read(ref isHealed) ? QueueVerdict.Ack : QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(first, "1");
        var record = (await WaitForDeadAsync(deadLetters, 1))[0];
        Volatile.Write(ref isHealed, true);
        var redriven = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(
            async () => await (i % 2 == 0 ? deadLetters : second).RedriveAsync(_queue, "default", record.MessageId, Cancel))));
        await deliveries.WaitForAsync(2);
        await EnqueueAsync(first, "end");

        Assert.Single(redriven, each => each);
        Assert.Equal(["1", "1", "end"], await TextsAsync(deliveries, 3));
    }

    /// <summary>A copy dies alone.</summary>
    [Fact]
    public async Task A_dead_letter_is_its_groups_alone_and_so_is_its_redrive()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters) || await RefusesGroupsAsync(broker))
        {
            return;
        }

        var (a, b) = (new Recorder<QueueDelivery>(), new Recorder<QueueDelivery>());
        var isHealed = false;
        await using var one = await ConsumeRawAsync(
            broker, "a", a, _ => Volatile.Read(ref isHealed) ? QueueVerdict.Ack : QueueVerdict.DeadLetter(Boom));
        await using var two = await ConsumeRawAsync(broker, "b", b);
        var receipt = await broker.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);
        await WaitForDeadAsync(deadLetters, "a", 1);
        await b.WaitForAsync(1);
        Volatile.Write(ref isHealed, true);

        Assert.False(await deadLetters.RedriveAsync(_queue, "b", receipt.MessageId, Cancel));
        Assert.False(await deadLetters.DiscardAsync(_queue, "b", receipt.MessageId, Cancel));
        Assert.True(await deadLetters.RedriveAsync(_queue, "a", receipt.MessageId, Cancel));
        await a.WaitForAsync(2);
        await EnqueueAsync(broker, "end");
        Assert.Equal(["1", "end"], (await b.WaitForAsync(2)).Select(delivery => Text(delivery.Payload)));
    }

    /// <summary>Nothing is no error.</summary>
    [Fact]
    public async Task Dead_letters_of_queues_groups_and_ids_that_do_not_exist_are_none()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
        }

        await (await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>())).DisposeAsync();
        foreach (var (queue, group) in ((string, string)[])[(_queue, "default"), (_queue, "nobody"), (Unique("queue"), "default")])
        {
            var page = await deadLetters.ListAsync(queue, group, PageRequest.First, Cancel);
            Assert.Empty(page.Items);
            Assert.Null(page.Next);
            Assert.False(await deadLetters.RedriveAsync(queue, group, "no-such-id", Cancel));
            Assert.False(await deadLetters.DiscardAsync(queue, group, "no-such-id", Cancel));
        }
    }

    /// <summary>Pages of dead letters.</summary>
    [Fact]
    public async Task Dead_letters_are_paged_oldest_first_though_some_leave_in_between()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            return;
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
}
