using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
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

    /// <summary>A retry is the same message.</summary>
    [Fact]
    public async Task A_retried_message_keeps_its_payload_headers_and_wishes()
    {
        var broker = await OpenAsync();
        var options = new EnqueueOptions
        {
            OrderingKey = broker.Features.HasFlag(BrokerFeatures.OrderingKeys) ? "é 1" : null,
            Priority = broker.Features.HasFlag(BrokerFeatures.Priority) ? 7 : 0,
        };
        byte[] payload = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        var headers = new Dictionary<string, string> { ["traceparent"] = "00-ab-cd-01", ["é"] = "" };
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(
            broker, "default", deliveries, delivery => delivery.Attempt < 3 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(20), Boom) : QueueVerdict.Ack);
        await broker.EnqueueAsync(_queue, new QueueMessage(payload) { Headers = headers }, options, Cancel);

        foreach (var delivery in await deliveries.WaitForAsync(3))
        {
            Assert.Equal(payload, delivery.Payload);
            Assert.Equal(headers.OrderBy(pair => pair.Key), delivery.Headers.OrderBy(pair => pair.Key));
            Assert.Equal((options.OrderingKey, options.Priority), (delivery.OrderingKey, delivery.Priority));
        }
    }

    /// <summary>A retry need not be a failure.</summary>
    [Fact]
    public async Task A_retry_without_a_failure_counts_and_leaves_nothing_in_the_history()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "default", deliveries, delivery => delivery.Attempt switch
        {
            1 => QueueVerdict.RetryAfter(TimeSpan.Zero),
            2 => QueueVerdict.RetryAfter(TimeSpan.Zero, Boom),
            3 => QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(20)),
            _ => QueueVerdict.Ack,
        });
        await EnqueueAsync(broker, "1");

        var seen = await deliveries.WaitForAsync(4);
        Assert.Equal([1, 2, 3, 4], seen.Select(delivery => delivery.Attempt));
        Assert.Empty(seen[1].Failures);
        Assert.All(seen.Skip(2), delivery => Assert.Equal([(2, Boom)], delivery.Failures.Select(failure => (failure.Attempt, failure.Failure))));
    }

    /// <summary>The pause is kept.</summary>
    [Fact]
    public async Task A_retry_does_not_come_before_its_delay_has_passed()
    {
        var broker = await OpenAsync();
        var delay = TimeSpan.FromMilliseconds(400);
        var times = new Recorder<long>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            (delivery, _) =>
            {
                times.Add(TimeProvider.System.GetTimestamp());
                return ValueTask.FromResult(delivery.Attempt < 3 ? QueueVerdict.RetryAfter(delay) : QueueVerdict.Ack);
            },
            Cancel);
        await EnqueueAsync(broker, "1");

        var seen = await times.WaitForAsync(3);
        Assert.True(TimeProvider.System.GetElapsedTime(seen[0], seen[1]) > delay - ClockTolerance);
        Assert.True(TimeProvider.System.GetElapsedTime(seen[1], seen[2]) > delay - ClockTolerance);
    }

    /// <summary>The longest pause.</summary>
    [Fact]
    public async Task A_retry_waits_no_longer_than_the_longest_delay_of_the_adapter()
    {
        var broker = (await OpenSubjectAsync(SmallLimits with { MaxDelay = TimeSpan.FromSeconds(1) })).Seam;
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker, new QueueSubscription(_queue), deliveries, seen => seen.Attempt switch
            {
                1 => QueueVerdict.RetryAfter(TimeSpan.FromDays(1)),
                2 => QueueVerdict.RetryAfter(TimeSpan.MaxValue),
                _ => QueueVerdict.Ack,
            });
        await EnqueueAsync(broker, "1");

        Assert.Equal([new("1", 1), new("1", 2), new("1", 3)], await deliveries.WaitForAsync(3));
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

    /// <summary>Many that wait are no more in the way than one.</summary>
    [Fact]
    public async Task Messages_that_wait_long_for_their_next_attempt_take_no_place_of_the_concurrency()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker,
            new QueueSubscription(_queue) { Concurrency = 2 },
            deliveries,
            seen => seen.Text == "ok" ? QueueVerdict.Ack : QueueVerdict.RetryAfter(TimeSpan.FromMinutes(10), Boom));
        await EnqueueAsync(broker, [.. Enumerable.Repeat("wait", 20), "ok"]);

        Assert.Contains(new("ok", 1), await deliveries.WaitForAsync(21));
        Assert.All(deliveries.Items, seen => Assert.Equal(1, seen.Attempt));
    }

    /// <summary>An attempt is nobody's own.</summary>
    [Fact]
    public async Task The_next_attempt_goes_to_whoever_consumes_then_with_the_history_of_those_before()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var (mine, theirs) = (new Recorder<QueueDelivery>(), new Recorder<QueueDelivery>());
        var consumer = await ConsumeRawAsync(first, "default", mine, _ => QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(500), Boom));
        await EnqueueAsync(first, "1");
        await mine.WaitForAsync(1);
        await consumer.DisposeAsync();
        await using var next = await ConsumeRawAsync(second, "default", theirs);

        var seen = (await theirs.WaitForAsync(1))[0];
        Assert.Equal(mine.Items[^1].Attempt + 1, seen.Attempt);
        Assert.Equal(mine.Items[0].MessageId, seen.MessageId);
        Assert.Equal(mine.Items.Select(_ => Boom), seen.Failures.Select(failure => failure.Failure));
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

    /// <summary>All ways not to answer are one.</summary>
    [Fact]
    public async Task However_a_handler_fails_to_give_a_verdict_it_is_the_same_failed_attempt()
    {
        var broker = await OpenAsync();
        var failures = new Recorder<IReadOnlyList<AttemptRecord>>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (delivery, _) =>
            {
                failures.Add(delivery.Failures);
                await Task.Yield();
                return delivery.Attempt switch
                {
                    1 => throw new InvalidOperationException("A handler of the suite throws on purpose."),
                    2 => throw new OperationCanceledException("A handler of the suite gives up on purpose."),
                    3 => null!,
                    _ => QueueVerdict.Ack,
                };
            },
            Cancel);
        await EnqueueAsync(broker, "1");

        var history = (await failures.WaitForAsync(4))[3];
        Assert.Equal([1, 2, 3], history.Select(failure => failure.Attempt));
        Assert.All(history, failure => Assert.Equal(AttemptFailure.HandlerFailed, failure.Failure.Code));
        Assert.Contains("throws on purpose", history[0].Failure.Message, StringComparison.Ordinal);
    }

    /// <summary>One bad message is one bad message.</summary>
    [Fact]
    public async Task A_handler_that_always_throws_on_one_message_goes_on_with_the_others()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(
            broker,
            new QueueSubscription(_queue),
            deliveries,
            seen => seen.Text == "bad" && seen.Attempt < 4 ? throw new InvalidOperationException("A handler of the suite throws on purpose.") : QueueVerdict.Ack);
        await EnqueueAsync(broker, "bad", "1", "2", "3");

        var seen = await deliveries.WaitForAsync(7);
        Assert.Equal([new("1", 1), new("2", 1), new("3", 1)], seen.Where(each => each.Text != "bad"));
        Assert.Equal([1, 2, 3, 4], seen.Where(each => each.Text == "bad").Select(each => each.Attempt));
    }

    /// <summary>History is bounded.</summary>
    [Fact]
    public async Task A_message_remembers_its_last_failures_oldest_first_and_counts_them_all()
    {
        var broker = await OpenAsync();
        const int Attempts = BrokerLimits.MaxRememberedFailures + 6;
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "default", deliveries, delivery => delivery.Attempt < Attempts
            ? QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure($"code {delivery.Attempt}", "x"))
            : QueueVerdict.Ack);
        await EnqueueAsync(broker, "1");

        var seen = await deliveries.WaitForAsync(Attempts);
        Assert.Equal(Enumerable.Range(1, Attempts), seen.Select(delivery => delivery.Attempt));
        Assert.Equal(
            Enumerable.Range(Attempts - BrokerLimits.MaxRememberedFailures, BrokerLimits.MaxRememberedFailures).Select(i => (i, $"code {i}")),
            seen[^1].Failures.Select(failure => (failure.Attempt, failure.Failure.Code)));
    }

    /// <summary>Texts of failures.</summary>
    [Fact]
    public async Task A_failure_is_remembered_with_any_text_up_to_its_bound()
    {
        var broker = await OpenAsync();
        AttemptFailure[] failures =
        [
            new("", ""),
            new("日本 😀", "line\n\0\tend") { Worker = "", TraceId = "é" },
            new("cut", new string('m', BrokerLimits.MaxFailureMessageLength - 1) + "😀 and more"),
        ];
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "default", deliveries, delivery => delivery.Attempt <= failures.Length
            ? QueueVerdict.RetryAfter(TimeSpan.Zero, failures[delivery.Attempt - 1])
            : QueueVerdict.Ack);
        await EnqueueAsync(broker, "1");

        Assert.Equal(failures, (await deliveries.WaitForAsync(failures.Length + 1))[^1].Failures.Select(failure => failure.Failure));
    }

    /// <summary>Times of failures.</summary>
    [Fact]
    public async Task A_failure_is_remembered_with_the_time_at_which_its_attempt_ended()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(
            broker, "default", deliveries, delivery => delivery.Attempt < 3 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(300), Boom) : QueueVerdict.Ack);
        await EnqueueAsync(broker, "1");

        var last = (await deliveries.WaitForAsync(3))[2];
        var (one, two) = (last.Failures[0].At, last.Failures[1].At);
        Assert.True(one >= last.EnqueuedAt - ClockTolerance);
        Assert.True(two - one > TimeSpan.FromMilliseconds(300) - ClockTolerance);
        Assert.True(two <= DateTimeOffset.UtcNow + ClockTolerance);
    }
}
