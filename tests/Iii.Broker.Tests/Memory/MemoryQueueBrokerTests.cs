using Iii.Broker.Memory;
using Iii.Broker.Specs;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Broker.Tests.Memory;

/// <summary>What the memory queues do beyond the contract, and what only a faked clock can show.</summary>
public sealed class MemoryQueueBrokerTests : IAsyncDisposable
{
    private const string Queue = "queue";
    private static readonly AttemptFailure Boom = new("boom", "on purpose");
    private static readonly QueueSubscription Subscription = new(Queue);

    private readonly FakeTimeProvider _time = new();
    private readonly MemoryLink _link = new();
    private readonly Recorder<(string Text, int Attempt)> _seen = new();
    private readonly MemoryQueueBroker _broker;

    public MemoryQueueBrokerTests()
    {
        var limits = new BrokerLimits { MaxQueueLength = 10_000, MaxNames = 3 };
        var world = new MemoryWorld(new MemoryWorldOptions { Limits = limits }, _time);
        _broker = new MemoryQueueBroker(world, _link);
    }

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task A_delay_ends_to_the_millisecond()
    {
        await ConsumeAsync();
        await EnqueueAsync("1", new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(1_500) });

        _time.Advance(TimeSpan.FromMilliseconds(1_499));
        Assert.Equal((0, 1), await WaitingAndDelayedAsync());
        Assert.Empty(_seen.Items);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await _seen.WaitForAsync(1);
    }

    [Fact]
    public async Task A_delay_may_be_longer_than_any_timer()
    {
        await ConsumeAsync();
        await EnqueueAsync("1", new EnqueueOptions { Delay = TimeSpan.FromDays(365) });

        _time.Advance(TimeSpan.FromDays(364.9));
        Assert.Equal((0, 1), await WaitingAndDelayedAsync());
        _time.Advance(TimeSpan.FromDays(0.1));
        await _seen.WaitForAsync(1);
    }

    [Fact]
    public async Task Delays_run_without_a_group_and_go_on_when_it_is_bound()
    {
        await EnqueueAsync("late", new EnqueueOptions { Delay = TimeSpan.FromSeconds(2) });
        await EnqueueAsync("soon", new EnqueueOptions { Delay = TimeSpan.FromSeconds(1) });
        _time.Advance(TimeSpan.FromSeconds(1));
        await ConsumeAsync();
        Assert.Equal("soon", (await _seen.WaitForAsync(1))[0].Text);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("late", (await _seen.WaitForAsync(2))[1].Text);
    }

    [Fact]
    public async Task Thousands_of_delayed_messages_come_in_the_order_of_their_due_times()
    {
        const int Count = 5_000;
        await ConsumeAsync();
        foreach (var i in Enumerable.Range(0, Count).OrderBy(i => (i * 7919) % Count))
        {
            await EnqueueAsync($"{i}", new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(i + 1) });
        }

        _time.Advance(TimeSpan.FromMilliseconds(Count));
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"{i}"), (await _seen.WaitForAsync(Count)).Select(seen => seen.Text));
    }

    [Fact]
    public async Task A_retry_waits_for_its_delay_and_no_longer_than_the_longest_one()
    {
        await ConsumeAsync(judge: (_, attempt) => attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.MaxValue) : QueueVerdict.Ack);
        await EnqueueAsync("1");
        await Eventually.HoldsAsync("it waits", async () => await WaitingAndDelayedAsync() == (0, 1));

        _time.Advance(_broker.Limits.MaxDelay - TimeSpan.FromMilliseconds(1));
        Assert.Equal((0, 1), await WaitingAndDelayedAsync());
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, (await _seen.WaitForAsync(2))[1].Attempt);
    }

    [Fact]
    public async Task A_deduplication_key_is_forgotten_to_the_tick()
    {
        var once = new EnqueueOptions { DeduplicationKey = "k", DeduplicationWindow = TimeSpan.FromSeconds(10) };
        await EnqueueAsync("1", once);
        _time.Advance(TimeSpan.FromSeconds(10) - TimeSpan.FromTicks(1));
        Assert.True((await EnqueueAsync("2", once)).IsDuplicate);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.False((await EnqueueAsync("3", once)).IsDuplicate);
    }

    [Fact]
    public async Task When_no_more_deduplication_keys_are_remembered_messages_without_one_are_accepted()
    {
        var limits = new BrokerLimits { MaxQueueLength = 2 };
        await using var broker = new MemoryQueueBroker(new MemoryWorld(new MemoryWorldOptions { Limits = limits }, _time), _link);
        var message = new QueueMessage("x"u8.ToArray());
        for (var i = 0; i < 2; i++)
        {
            var receipt = await broker.EnqueueAsync(Queue, message, new EnqueueOptions { DeduplicationKey = $"{i}" }, TestContext.Current.CancellationToken);
            Assert.True(await broker.CancelAsync(Queue, receipt.MessageId, TestContext.Current.CancellationToken));
        }

        var refusal = await Assert.ThrowsAsync<BrokerException>(async () =>
            await broker.EnqueueAsync(Queue, message, new EnqueueOptions { DeduplicationKey = "2" }, TestContext.Current.CancellationToken));
        Assert.Equal(BrokerErrorCodes.LimitExceeded, refusal.Code);
        await broker.EnqueueAsync(Queue, message, null, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task The_longest_patience_with_handlers_is_one_that_can_be_waited_for_and_a_longer_one_is_refused()
    {
        var gate = new TaskCompletionSource<QueueVerdict>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var broker = new MemoryQueueBroker(new MemoryWorld(), _link);
        var patient = Subscription with { DrainTimeout = QueueSubscription.MaxDrainTimeout };
        var impossible = patient with { DrainTimeout = patient.DrainTimeout + TimeSpan.FromTicks(1) };
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () =>
            await broker.ConsumeAsync(impossible, (_, _) => new(gate.Task), TestContext.Current.CancellationToken));

        var started = new Recorder<string>();
        var consumer = await broker.ConsumeAsync(
            patient,
            (delivery, _) =>
            {
                started.Add(delivery.MessageId);
                return new(gate.Task);
            },
            TestContext.Current.CancellationToken);
        await broker.EnqueueAsync(Queue, new QueueMessage("x"u8.ToArray()), null, TestContext.Current.CancellationToken);
        await started.WaitForAsync(1);
        var disposal = consumer.DisposeAsync().AsTask();
        Assert.False(disposal.IsCompleted);
        gate.SetResult(QueueVerdict.Ack);
        await Eventually.CompletesAsync("dispose", disposal);
    }

    [Fact]
    public async Task A_page_of_dead_letters_costs_the_same_wherever_it_begins()
    {
        const int Count = 100_000;
        await using var broker = new MemoryQueueBroker(new MemoryWorld(), _link);
        await broker.ConsumeAsync(
            Subscription with { Concurrency = 100 },
            static (_, _) => ValueTask.FromResult(QueueVerdict.DeadLetter(Boom)),
            TestContext.Current.CancellationToken);
        for (var i = 0; i < Count; i++)
        {
            await broker.EnqueueAsync(Queue, new QueueMessage("x"u8.ToArray()), null, TestContext.Current.CancellationToken);
        }

        await Eventually.HoldsAsync("all are dead", async () =>
            (await broker.GetStatsAsync(Queue, TestContext.Current.CancellationToken))!.Groups[0].Dead == Count);
        await Eventually.CompletesAsync("the walk from page to page", Task.Run(async () =>
        {
            var (seen, page) = (new HashSet<string>(), new PageRequest { Limit = 1 });
            do
            {
                var found = await broker.ListAsync(Queue, "default", page, TestContext.Current.CancellationToken);
                Assert.True(seen.Add(Assert.Single(found.Items).MessageId));
                page = page with { After = found.Next };
            }
            while (page.After is not null);
            Assert.Equal(Count, seen.Count);
        }));
    }

    [Fact]
    public async Task A_queue_too_many_is_refused_with_what_to_do()
    {
        for (var i = 0; i < 3; i++)
        {
            await _broker.EnqueueAsync($"{i}", new QueueMessage("x"u8.ToArray()), null, TestContext.Current.CancellationToken);
        }

        var refusal = await Assert.ThrowsAsync<BrokerException>(() => EnqueueAsync("x"));
        Assert.Equal("There are 3 queues; no more are allowed. Use fewer names.", refusal.Message);
    }

    [Fact]
    public async Task The_lowest_priority_does_not_starve_under_a_flood()
    {
        await EnqueueAsync("low");
        for (var i = 0; i < 200; i++)
        {
            await EnqueueAsync("high", new EnqueueOptions { Priority = 9 });
        }

        await ConsumeAsync();
        var order = (await _seen.WaitForAsync(201)).Select(seen => seen.Text).ToList();
        Assert.InRange(order.IndexOf("low"), 1, 100);
    }

    [Fact]
    public async Task Consumers_of_a_group_take_turns()
    {
        var counts = new int[4];
        for (var i = 0; i < counts.Length; i++)
        {
            var who = i;
            await _broker.ConsumeAsync(
                Subscription with { Concurrency = 100 },
                (_, _) =>
                {
                    Interlocked.Increment(ref counts[who]);
                    return ValueTask.FromResult(QueueVerdict.Ack);
                },
                TestContext.Current.CancellationToken);
        }

        for (var i = 0; i < 100; i++)
        {
            await EnqueueAsync($"{i}");
        }

        await Eventually.HoldsAsync("all are handled", () => counts.Sum() == 100);
        Assert.All(counts, count => Assert.InRange(count, 15, 35));
    }

    [Fact]
    public async Task Messages_change_lines_when_the_group_changes_its_order()
    {
        await EnqueueAsync("a1", new EnqueueOptions { OrderingKey = "a", Priority = 1 });
        await EnqueueAsync("b1", new EnqueueOptions { OrderingKey = "b", Priority = 9 });
        await EnqueueAsync("a2", new EnqueueOptions { OrderingKey = "a", Priority = 9 });
        await EnqueueAsync("later", new EnqueueOptions { OrderingKey = "a", Delay = TimeSpan.FromMinutes(1) });
        var ordered = await ConsumeAsync(
            Subscription with { Ordering = QueueOrdering.PerKey, Concurrency = 2 },
            (text, _) => text == "a1" ? QueueVerdict.RetryAfter(TimeSpan.FromMinutes(2)) : QueueVerdict.Ack);
        await _seen.WaitForAsync(2);
        await ordered.DisposeAsync();
        Assert.Equal((1, 2), await WaitingAndDelayedAsync());

        await ConsumeAsync(Subscription with { Ordering = QueueOrdering.None });
        await _seen.WaitForAsync(3);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(["a1", "a1", "a2", "b1", "later"], (await _seen.WaitForAsync(5)).Select(seen => seen.Text).Order());
        await Eventually.HoldsAsync("all are done", async () => await WaitingAndDelayedAsync() == (0, 0));
    }

    [Fact]
    public async Task Cancelling_the_head_of_a_key_that_waits_for_its_next_attempt_frees_the_key()
    {
        await ConsumeAsync(
            Subscription with { Ordering = QueueOrdering.PerKey },
            (text, _) => text == "1" ? QueueVerdict.RetryAfter(TimeSpan.FromHours(1)) : QueueVerdict.Ack);
        var head = await EnqueueAsync("1");
        await EnqueueAsync("2");
        await Eventually.HoldsAsync("the head waits", async () => await WaitingAndDelayedAsync() == (1, 1));

        Assert.True(await _broker.CancelAsync(Queue, head.MessageId, TestContext.Current.CancellationToken));
        Assert.Equal("2", (await _seen.WaitForAsync(2))[1].Text);
    }

    [Fact]
    public async Task A_cut_that_is_shorter_than_the_lease_changes_nothing_for_a_handler_that_runs()
    {
        var gate = new TaskCompletionSource<QueueVerdict>(TaskCreationOptions.RunContinuationsAsynchronously);
        await ConsumeWithGateAsync(gate);
        await EnqueueAsync("1");
        await _seen.WaitForAsync(1);

        _link.Cut();
        _time.Advance(Subscription.LeaseTime / 2);
        _link.Restore();
        _time.Advance(Subscription.LeaseTime * 10);
        gate.SetResult(QueueVerdict.Ack);

        await Eventually.HoldsAsync("it is acknowledged", async () => await CountAsync() == 0);
        Assert.Single(_seen.Items);
    }

    [Fact]
    public async Task A_verdict_given_while_the_link_is_cut_is_lost_and_the_message_comes_back_when_its_lease_is_over()
    {
        var gate = new TaskCompletionSource<QueueVerdict>(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = await ConsumeWithGateAsync(gate);
        await EnqueueAsync("1");
        await _seen.WaitForAsync(1);

        _link.Cut();
        gate.SetResult(QueueVerdict.Ack);
        await Eventually.CompletesAsync("draining", consumer.DisposeAsync().AsTask());
        _link.Restore();
        await ConsumeAsync();
        _time.Advance(Subscription.LeaseTime - TimeSpan.FromMilliseconds(1));
        Assert.Single(_seen.Items);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(("1", 2), (await _seen.WaitForAsync(2))[1]);
    }

    [Fact]
    public async Task A_message_remembers_its_last_failures_only_and_counts_them_all()
    {
        await ConsumeAsync(judge: (_, attempt) =>
            attempt <= 40 ? QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure($"f{attempt}", "")) : QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync("1");
        await _seen.WaitForAsync(41);

        DeadLetterRecord? dead = null;
        await Eventually.HoldsAsync("it is dead", async () =>
            (dead = (await _broker.ListAsync(Queue, "default", PageRequest.First, TestContext.Current.CancellationToken)).Items.SingleOrDefault())
            is not null);
        Assert.Equal(41, dead!.Attempts);
        Assert.Equal(BrokerLimits.MaxRememberedFailures, dead.Failures.Count);
        Assert.Equal("f10", dead.Failures[0].Failure.Code);
        Assert.Same(Boom, dead.Failures[^1].Failure);
    }

    [Fact]
    public async Task Dead_letters_count_towards_the_length_of_a_queue()
    {
        var world = new MemoryWorld(new MemoryWorldOptions { Limits = new BrokerLimits { MaxQueueLength = 1 } });
        await using var broker = new MemoryQueueBroker(world);
        await broker.ConsumeAsync(Subscription, (_, _) => ValueTask.FromResult(QueueVerdict.DeadLetter(Boom)), TestContext.Current.CancellationToken);
        var receipt = await broker.EnqueueAsync(Queue, new QueueMessage(default), null, TestContext.Current.CancellationToken);
        await Eventually.HoldsAsync("it is discarded", async () =>
        {
            var refused = await Assert.ThrowsAsync<BrokerException>(
                async () => await broker.EnqueueAsync(Queue, new QueueMessage(default), null, TestContext.Current.CancellationToken));
            Assert.Equal(BrokerErrorCodes.LimitExceeded, refused.Code);
            return await broker.DiscardAsync(Queue, "default", receipt.MessageId, TestContext.Current.CancellationToken);
        });
        await broker.EnqueueAsync(Queue, new QueueMessage(default), null, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Queues_and_groups_are_bounded_in_number()
    {
        for (var i = 0; i < _broker.Limits.MaxNames; i++)
        {
            await _broker.ConsumeAsync(new QueueSubscription("q") { Group = $"{i}" }, Ack, TestContext.Current.CancellationToken);
            await _broker.EnqueueAsync(i == 0 ? "q" : $"q{i}", new QueueMessage(default), null, TestContext.Current.CancellationToken);
        }

        var refusals = new[]
        {
            await Assert.ThrowsAsync<BrokerException>(async () => await EnqueueAsync("1")),
            await Assert.ThrowsAsync<BrokerException>(
                async () => await _broker.ConsumeAsync(new QueueSubscription("q") { Group = "x" }, Ack, TestContext.Current.CancellationToken)),
        };
        Assert.All(refusals, refusal => Assert.Equal(BrokerErrorCodes.LimitExceeded, refusal.Code));

        static ValueTask<QueueVerdict> Ack(QueueDelivery delivery, CancellationToken cancellationToken) => ValueTask.FromResult(QueueVerdict.Ack);
    }

    [Fact]
    public async Task What_a_handler_throws_is_reported_and_its_message_pauses_before_it_is_delivered_again()
    {
        var reported = new Recorder<Exception>();
        var world = new MemoryWorld(new MemoryWorldOptions { HandlerFailed = reported.Add }, _time);
        await using var broker = new MemoryQueueBroker(world);
        var thrown = new InvalidOperationException("on purpose");
        await broker.ConsumeAsync(Subscription with { DrainTimeout = TimeSpan.Zero }, (_, _) => throw thrown, TestContext.Current.CancellationToken);
        await broker.EnqueueAsync(Queue, new QueueMessage(default), null, TestContext.Current.CancellationToken);

        Assert.Same(thrown, (await reported.WaitForAsync(1))[0]);
        var stats = await broker.GetStatsAsync(Queue, TestContext.Current.CancellationToken);
        Assert.Equal(1, stats!.Groups[0].Delayed);
        _time.Advance(TimeSpan.FromMilliseconds(100));
        await reported.WaitForAsync(2);
    }

    private async Task<EnqueueReceipt> EnqueueAsync(string text, EnqueueOptions? options = null) =>
        await _broker.EnqueueAsync(Queue, new QueueMessage(System.Text.Encoding.UTF8.GetBytes(text)), options, TestContext.Current.CancellationToken);

    private ValueTask<IAsyncDisposable> ConsumeAsync(QueueSubscription? subscription = null, Func<string, int, QueueVerdict>? judge = null) =>
        _broker.ConsumeAsync(
            subscription ?? Subscription,
            (delivery, _) =>
            {
                var text = System.Text.Encoding.UTF8.GetString(delivery.Payload.Span);
                _seen.Add((text, delivery.Attempt));
                return ValueTask.FromResult(judge?.Invoke(text, delivery.Attempt) ?? QueueVerdict.Ack);
            },
            TestContext.Current.CancellationToken);

    private ValueTask<IAsyncDisposable> ConsumeWithGateAsync(TaskCompletionSource<QueueVerdict> gate) =>
        _broker.ConsumeAsync(
            Subscription,
            async (delivery, _) =>
            {
                _seen.Add((System.Text.Encoding.UTF8.GetString(delivery.Payload.Span), delivery.Attempt));
                return await gate.Task;
            },
            TestContext.Current.CancellationToken);

    private async Task<(long Waiting, long Delayed)> WaitingAndDelayedAsync()
    {
        var stats = await _broker.GetStatsAsync(Queue, TestContext.Current.CancellationToken);
        return (stats!.Groups[0].Waiting, stats.Groups[0].Delayed);
    }

    private async Task<long> CountAsync()
    {
        var group = (await _broker.GetStatsAsync(Queue, TestContext.Current.CancellationToken))!.Groups[0];
        return group.Waiting + group.Delayed + group.Delivering + group.Dead;
    }
}
