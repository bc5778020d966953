using System.Text;
using Iii.Adapters.Sqlite.Queues;
using Iii.Broker;
using Iii.Broker.Specs;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>What the embedded queues do beyond the contract, and what only a faked clock or a small window can show.</summary>
public sealed class SqliteQueueBrokerTests : IAsyncDisposable
{
    private const string Queue = "queue";
    private static readonly AttemptFailure Boom = new("boom", "on purpose");
    private static readonly QueueSubscription Subscription = new(Queue);
    private static readonly LineWindow SmallWindow = new() { PageSize = 4, MaxPages = 2, MaxLoaded = 6, LanePageSize = 2 };

    private readonly FakeTimeProvider _time = new();
    private readonly SqliteFolder _folder = new();
    private readonly Recorder<(string Text, int Attempt)> _seen = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public async Task Everything_is_there_again_when_the_file_is_opened_again()
    {
        var once = new EnqueueOptions { DeduplicationKey = "k", DeduplicationWindow = TimeSpan.FromHours(1) };
        var broker = await OpenAsync();
        var dying = await ConsumeAsync(broker, judge: (_, _) => QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, "dead");
        await Eventually.HoldsAsync("it is dead", async () => (await StatsAsync(broker)).Dead == 1);
        await dying.DisposeAsync();
        var retrying = await ConsumeAsync(broker, judge: (_, _) => QueueVerdict.RetryAfter(TimeSpan.FromHours(2), Boom));
        await EnqueueAsync(broker, "retried");
        await Eventually.HoldsAsync("it waits", async () => (await StatsAsync(broker)).Delayed == 1);
        await retrying.DisposeAsync();
        await EnqueueAsync(broker, "delayed", new EnqueueOptions { Delay = TimeSpan.FromHours(1) });
        var receipt = await EnqueueAsync(broker, "waiting", once);
        await (await broker.Queues.ConsumeAsync(Subscription with { Group = "other" }, Ack, Cancel)).DisposeAsync();
        await broker.Queues.EnqueueAsync("unbound", Message("unbound"), null, Cancel);
        await broker.DisposeAsync();

        broker = await OpenAsync();
        var duplicate = await EnqueueAsync(broker, "duplicate", once);
        Assert.Equal((true, receipt.MessageId), (duplicate.IsDuplicate, duplicate.MessageId));
        Assert.Equal(["queue", "unbound"], (await broker.Queues.ListQueuesAsync(PageRequest.First, Cancel)).Items);
        Assert.Equal(1, (await broker.Queues.GetStatsAsync("unbound", Cancel))!.Unbound);
        var groups = (await broker.Queues.GetStatsAsync(Queue, Cancel))!.Groups;
        Assert.Equal([new GroupStats("default") { Waiting = 1, Delayed = 2, Dead = 1 }, new GroupStats("other")], groups);
        var dead = (await broker.Queues.ListAsync(Queue, "default", PageRequest.First, Cancel)).Items.Single();
        Assert.Equal(("dead", Boom, 1), (Encoding.UTF8.GetString(dead.Payload.Span), dead.Reason, dead.Attempts));

        await ConsumeAsync(broker);
        await EnqueueAsync(broker, "both");
        Assert.Equal(["dead", "retried", "waiting", "both"], (await _seen.WaitForAsync(4)).Select(seen => seen.Text));
        Assert.Equal(1, (await broker.Queues.GetStatsAsync(Queue, Cancel))!.Groups[1].Waiting);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(("delayed", 1), (await _seen.WaitForAsync(5))[4]);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(("retried", 2), (await _seen.WaitForAsync(6))[5]);
        Assert.True(await broker.Queues.RedriveAsync(Queue, "default", dead.MessageId, Cancel));
        Assert.Equal(("dead", 1), (await _seen.WaitForAsync(7))[6]);
    }

    [Fact]
    public async Task Ids_are_never_given_twice_in_the_life_of_a_file()
    {
        var ids = new HashSet<string>();
        for (var i = 0; i < 3; i++)
        {
            var broker = await OpenAsync();
            var receipt = await EnqueueAsync(broker, "x");
            Assert.True(ids.Add(receipt.MessageId));
            Assert.True(await broker.Queues.CancelAsync(Queue, receipt.MessageId, Cancel));
            await broker.BreakAsync();
        }
    }

    [Fact]
    public async Task A_delay_ends_to_the_millisecond()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker);
        await EnqueueAsync(broker, "1", new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(1_500) });

        _time.Advance(TimeSpan.FromMilliseconds(1_499));
        Assert.Equal((0, 1), await WaitingAndDelayedAsync(broker));
        Assert.Empty(_seen.Items);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await _seen.WaitForAsync(1);
    }

    [Fact]
    public async Task A_delay_may_be_longer_than_any_timer()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker);
        await EnqueueAsync(broker, "1", new EnqueueOptions { Delay = TimeSpan.FromDays(365) });

        _time.Advance(TimeSpan.FromDays(364.9));
        Assert.Equal((0, 1), await WaitingAndDelayedAsync(broker));
        _time.Advance(TimeSpan.FromDays(0.1));
        await _seen.WaitForAsync(1);
    }

    [Fact]
    public async Task Thousands_of_delayed_messages_come_in_the_order_of_their_due_times()
    {
        const int Count = 3_000;
        var broker = await OpenAsync();
        await ConsumeAsync(broker);
        await Task.WhenAll(Enumerable.Range(0, Count).Select(i => (i * 7919) % Count).Select(i =>
            EnqueueAsync(broker, $"{i}", new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(i + 1) })));

        _time.Advance(TimeSpan.FromMilliseconds(Count));
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"{i}"), (await _seen.WaitForAsync(Count)).Select(seen => seen.Text));
    }

    [Fact]
    public async Task A_retry_waits_no_longer_than_the_longest_delay()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker, judge: (_, attempt) => attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.MaxValue) : QueueVerdict.Ack);
        await EnqueueAsync(broker, "1");
        await Eventually.HoldsAsync("it waits", async () => await WaitingAndDelayedAsync(broker) == (0, 1));

        _time.Advance(broker.Queues.Limits.MaxDelay - TimeSpan.FromMilliseconds(1));
        Assert.Equal((0, 1), await WaitingAndDelayedAsync(broker));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, (await _seen.WaitForAsync(2))[1].Attempt);
    }

    [Fact]
    public async Task A_deduplication_key_is_forgotten_to_the_tick_and_purged()
    {
        var once = new EnqueueOptions { DeduplicationKey = "k", DeduplicationWindow = TimeSpan.FromSeconds(10) };
        var broker = await OpenAsync(new BrokerLimits { MaxQueueLength = 2 });
        await EnqueueAsync(broker, "1", once);
        await EnqueueAsync(broker, "2", once with { DeduplicationKey = "l" });
        _time.Advance(TimeSpan.FromSeconds(10) - TimeSpan.FromTicks(1));
        Assert.True((await EnqueueAsync(broker, "3", once)).IsDuplicate);
        await ConsumeAsync(broker);
        await _seen.WaitForAsync(2);
        await Eventually.HoldsAsync("there is room", async () => await WaitingAndDelayedAsync(broker) == (0, 0));
        await RefusedAsync(() => EnqueueAsync(broker, "4", once with { DeduplicationKey = "m" }));
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.False((await EnqueueAsync(broker, "5", once)).IsDuplicate);
        Assert.False((await EnqueueAsync(broker, "6", once with { DeduplicationKey = "m" })).IsDuplicate);
    }

    [Fact]
    public async Task The_lowest_priority_does_not_starve_under_a_flood()
    {
        var broker = await OpenAsync();
        await EnqueueAsync(broker, "low");
        await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => EnqueueAsync(broker, "high", new EnqueueOptions { Priority = 9 })));

        await ConsumeAsync(broker);
        var order = (await _seen.WaitForAsync(401)).Select(seen => seen.Text).ToList();
        Assert.InRange(order.IndexOf("low"), 1, 100);
    }

    [Fact]
    public async Task Priorities_are_obeyed_beyond_what_is_in_memory()
    {
        var broker = await OpenAsync(window: SmallWindow);
        var random = new Random(1);
        var all = Enumerable.Range(0, 200).Select(i => (Priority: random.Next(10), Text: $"{i:000}")).ToList();
        foreach (var (priority, text) in all)
        {
            await EnqueueAsync(broker, text, new EnqueueOptions { Priority = priority });
        }

        await ConsumeAsync(broker);
        var seen = (await _seen.WaitForAsync(all.Count)).Select(each => each.Text).ToList();
        Assert.Equal(all.Select(each => each.Text), seen.Order());
        var byAge = seen.Index().Where(each => (each.Index + 1) % 32 == 0).Select(each => each.Item).ToHashSet();
        Assert.Equal(
            all.Where(each => !byAge.Contains(each.Text)).OrderByDescending(each => each.Priority).Select(each => each.Text),
            seen.Where(text => !byAge.Contains(text)));
    }

    [Fact]
    public async Task A_key_that_is_held_up_with_more_than_memory_holds_lets_others_pass_and_keeps_its_order()
    {
        const int Hot = 40;
        var broker = await OpenAsync(window: SmallWindow);
        await Task.WhenAll(Enumerable.Range(0, Hot).Select(i => EnqueueAsync(broker, $"hot{i:00}", new EnqueueOptions { OrderingKey = "hot" })));
        for (var i = 0; i < 20; i++)
        {
            await EnqueueAsync(broker, $"c{i:00}", new EnqueueOptions { OrderingKey = $"{i % 5}" });
        }

        await ConsumeAsync(
            broker,
            Subscription with { Ordering = QueueOrdering.PerKey, Concurrency = 3 },
            (text, attempt) => text == "hot00" && attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromHours(1)) : QueueVerdict.Ack);
        await _seen.WaitForAsync(21);
        await EnqueueAsync(broker, "late", new EnqueueOptions { OrderingKey = "hot" });
        await EnqueueAsync(broker, "pass", new EnqueueOptions { OrderingKey = "5" });
        Assert.Equal(("pass", 1), (await _seen.WaitForAsync(22))[21]);

        _time.Advance(TimeSpan.FromHours(1));
        var hot = (await _seen.WaitForAsync(22 + Hot + 1)).Skip(22).Select(each => each.Text);
        Assert.Equal([.. Enumerable.Range(0, Hot).Select(i => $"hot{i:00}"), "late"], hot);
    }

    [Fact]
    public async Task Ten_thousand_keys_are_handled_in_order_by_many_consumers()
    {
        const int Keys = 10_000;
        const int PerKey = 3;
        var broker = await OpenAsync();
        var handled = new int[Keys];
        var violations = new Recorder<string>();
        for (var i = 0; i < 50; i++)
        {
            await broker.Queues.ConsumeAsync(
                Subscription with { Ordering = QueueOrdering.PerKey, Concurrency = 4 },
                (delivery, _) =>
                {
                    var (key, number) = (BitConverter.ToInt32(delivery.Payload.Span), BitConverter.ToInt32(delivery.Payload.Span[4..]));
                    if (Interlocked.Increment(ref handled[key]) != number + 1)
                    {
                        violations.Add($"{key}: {number}");
                    }

                    return ValueTask.FromResult(QueueVerdict.Ack);
                },
                Cancel);
        }

        for (var number = 0; number < PerKey; number++)
        {
            await Task.WhenAll(Enumerable.Range(0, Keys).Select(key => broker.Queues.EnqueueAsync(
                Queue,
                new QueueMessage((byte[])[.. BitConverter.GetBytes(key), .. BitConverter.GetBytes(number)]),
                new EnqueueOptions { OrderingKey = $"key {key}" },
                CancellationToken.None).AsTask()));
        }

        await Eventually.HoldsAsync("all are handled", async () => await StatsAsync(broker) is { Waiting: 0, Delivering: 0 });
        Assert.Empty(violations.Items);
        Assert.All(handled, count => Assert.Equal(PerKey, count));
    }

    [Fact]
    public async Task Consumers_of_a_group_take_turns()
    {
        var broker = await OpenAsync();
        var counts = new int[4];
        for (var i = 0; i < counts.Length; i++)
        {
            var who = i;
            await broker.Queues.ConsumeAsync(
                Subscription with { Concurrency = 100 },
                (_, _) =>
                {
                    Interlocked.Increment(ref counts[who]);
                    return ValueTask.FromResult(QueueVerdict.Ack);
                },
                Cancel);
        }

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => EnqueueAsync(broker, $"{i}")));
        await Eventually.HoldsAsync("all are handled", () => counts.Sum() == 100);
        Assert.All(counts, count => Assert.InRange(count, 15, 35));
    }

    [Fact]
    public async Task Messages_change_lines_when_the_group_changes_its_order()
    {
        var broker = await OpenAsync();
        await EnqueueAsync(broker, "a1", new EnqueueOptions { OrderingKey = "a", Priority = 1 });
        await EnqueueAsync(broker, "b1", new EnqueueOptions { OrderingKey = "b", Priority = 9 });
        await EnqueueAsync(broker, "a2", new EnqueueOptions { OrderingKey = "a", Priority = 9 });
        await EnqueueAsync(broker, "later", new EnqueueOptions { OrderingKey = "a", Delay = TimeSpan.FromMinutes(1) });
        var ordered = await ConsumeAsync(
            broker,
            Subscription with { Ordering = QueueOrdering.PerKey, Concurrency = 2 },
            (text, _) => text == "a1" ? QueueVerdict.RetryAfter(TimeSpan.FromMinutes(2)) : QueueVerdict.Ack);
        await _seen.WaitForAsync(2);
        await ordered.DisposeAsync();
        Assert.Equal((1, 2), await WaitingAndDelayedAsync(broker));

        await ConsumeAsync(broker, Subscription with { Ordering = QueueOrdering.None });
        await _seen.WaitForAsync(3);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(["a1", "a1", "a2", "b1", "later"], (await _seen.WaitForAsync(5)).Select(seen => seen.Text).Order());
        await Eventually.HoldsAsync("all are done", async () => await WaitingAndDelayedAsync(broker) == (0, 0));
    }

    [Fact]
    public async Task Cancelling_the_head_of_a_key_that_waits_for_its_next_attempt_frees_the_key()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(
            broker,
            Subscription with { Ordering = QueueOrdering.PerKey },
            (text, _) => text == "1" ? QueueVerdict.RetryAfter(TimeSpan.FromHours(1)) : QueueVerdict.Ack);
        var head = await EnqueueAsync(broker, "1");
        await EnqueueAsync(broker, "2");
        await Eventually.HoldsAsync("the head waits", async () => await WaitingAndDelayedAsync(broker) == (1, 1));

        Assert.True(await broker.Queues.CancelAsync(Queue, head.MessageId, Cancel));
        Assert.Equal("2", (await _seen.WaitForAsync(2))[1].Text);
    }

    [Fact]
    public async Task A_head_that_waits_for_its_next_attempt_holds_its_key_back_when_the_file_is_opened_again()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker, Subscription with { Ordering = QueueOrdering.PerKey }, (_, _) => QueueVerdict.RetryAfter(TimeSpan.FromHours(1)));
        await EnqueueAsync(broker, "1");
        await EnqueueAsync(broker, "2");
        await Eventually.HoldsAsync("the head waits", async () => await WaitingAndDelayedAsync(broker) == (1, 1));
        await broker.BreakAsync();

        broker = await OpenAsync();
        await ConsumeAsync(broker, Subscription with { Ordering = QueueOrdering.PerKey });
        await EnqueueAsync(broker, "passes", new EnqueueOptions { OrderingKey = "k" });
        await _seen.WaitForAsync(2);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal([("1", 1), ("passes", 1), ("1", 2), ("2", 1)], await _seen.WaitForAsync(4));
    }

    [Fact]
    public async Task A_message_remembers_its_last_failures_only_and_counts_them_all()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker, judge: (_, attempt) =>
            attempt <= 40 ? QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure($"f{attempt}", "")) : QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(broker, "1");

        DeadLetterRecord? dead = null;
        await Eventually.HoldsAsync("it is dead", async () =>
            (dead = (await broker.Queues.ListAsync(Queue, "default", PageRequest.First, Cancel)).Items.SingleOrDefault()) is not null);
        Assert.Equal(41, dead!.Attempts);
        Assert.Equal(BrokerLimits.MaxRememberedFailures, dead.Failures.Count);
        Assert.Equal("f10", dead.Failures[0].Failure.Code);
        Assert.Equal(Boom, dead.Failures[^1].Failure);
    }

    [Fact]
    public async Task Dead_letters_count_towards_the_length_of_a_queue()
    {
        var broker = await OpenAsync(new BrokerLimits { MaxQueueLength = 1 });
        await ConsumeAsync(broker, judge: (_, _) => QueueVerdict.DeadLetter(Boom));
        var receipt = await EnqueueAsync(broker, "1");
        await Eventually.HoldsAsync("it is discarded", async () =>
        {
            await RefusedAsync(() => EnqueueAsync(broker, "2"));
            return await broker.Queues.DiscardAsync(Queue, "default", receipt.MessageId, Cancel);
        });
        await EnqueueAsync(broker, "3");
    }

    [Fact]
    public async Task When_no_more_deduplication_keys_are_remembered_messages_without_one_are_accepted()
    {
        var broker = await OpenAsync(new BrokerLimits { MaxQueueLength = 2 });
        for (var i = 0; i < 2; i++)
        {
            var receipt = await EnqueueAsync(broker, $"{i}", new EnqueueOptions { DeduplicationKey = $"{i}" });
            Assert.True(await broker.Queues.CancelAsync(Queue, receipt.MessageId, Cancel));
        }

        await RefusedAsync(() => EnqueueAsync(broker, "2", new EnqueueOptions { DeduplicationKey = "2" }));
        await EnqueueAsync(broker, "3");
    }

    [Fact]
    public async Task Queues_and_groups_are_bounded_in_number()
    {
        var broker = await OpenAsync(new BrokerLimits { MaxNames = 3 });
        for (var i = 0; i < 3; i++)
        {
            await broker.Queues.ConsumeAsync(new QueueSubscription("q") { Group = $"{i}" }, Ack, Cancel);
            await broker.Queues.EnqueueAsync(i == 0 ? "q" : $"q{i}", Message(""), null, Cancel);
        }

        var refusal = await RefusedAsync(() => EnqueueAsync(broker, "1"));
        Assert.Equal("There are 3 queues; no more are allowed. Use fewer names.", refusal.Message);
        await RefusedAsync(async () => await broker.Queues.ConsumeAsync(new QueueSubscription("q") { Group = "x" }, Ack, Cancel));
    }

    [Fact]
    public async Task What_a_handler_throws_is_reported_and_its_message_pauses_before_it_is_delivered_again()
    {
        var reported = new Recorder<Exception>();
        var broker = await _folder.OpenAsync(time: _time, handlerFailed: reported.Add);
        var thrown = new InvalidOperationException("on purpose");
        await broker.Queues.ConsumeAsync(Subscription with { DrainTimeout = TimeSpan.Zero }, (_, _) => throw thrown, Cancel);
        await EnqueueAsync(broker, "1");

        Assert.Same(thrown, (await reported.WaitForAsync(1))[0]);
        await Eventually.HoldsAsync("it pauses", async () => await WaitingAndDelayedAsync(broker) == (0, 1));
        _time.Advance(TimeSpan.FromMilliseconds(100));
        await reported.WaitForAsync(2);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(1_000)]
    [InlineData(100_000)]
    public async Task A_payload_is_stored_for_as_long_as_a_group_needs_it(int length)
    {
        var broker = await OpenAsync();
        var payload = new byte[length];
        Random.Shared.NextBytes(payload);
        var received = new Recorder<byte[]>();
        foreach (var group in (string[])["a", "b", "c"])
        {
            await broker.Queues.ConsumeAsync(
                Subscription with { Group = group },
                (delivery, _) =>
                {
                    received.Add(delivery.Payload.ToArray());
                    return ValueTask.FromResult(delivery.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.Zero) : QueueVerdict.Ack);
                },
                Cancel);
        }

        await broker.Queues.EnqueueAsync(Queue, new QueueMessage(payload), null, Cancel);
        Assert.All(await received.WaitForAsync(6), bytes => Assert.Equal(payload, bytes));
        await broker.DisposeAsync();
        Assert.Equal((0, 0), (Count("messages"), Count("bodies")));
    }

    [Fact]
    public async Task A_removed_group_leaves_nothing_in_the_file()
    {
        var broker = await OpenAsync();
        await (await ConsumeAsync(broker)).DisposeAsync();
        for (var i = 0; i < 20; i++)
        {
            await EnqueueAsync(broker, new string('x', i * 500), new EnqueueOptions { Delay = TimeSpan.FromSeconds(i % 2) });
        }

        Assert.True(await broker.Queues.RemoveGroupAsync(Queue, "default", Cancel));
        await Eventually.HoldsAsync("its messages are gone", async () =>
        {
            await broker.DisposeAsync();
            broker = await OpenAsync();
            await broker.Queues.ListQueuesAsync(PageRequest.First, Cancel);
            await broker.DisposeAsync();
            return (Count("messages"), Count("bodies"), Count("queue_groups")) == (0, 0, 1);
        });
    }

    [Fact]
    public async Task A_page_of_dead_letters_ends_when_it_has_enough_bytes()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker, judge: (_, _) => QueueVerdict.DeadLetter(Boom));
        for (var i = 0; i < 5; i++)
        {
            await broker.Queues.EnqueueAsync(Queue, new QueueMessage(new byte[6 * 1024 * 1024]), null, Cancel);
        }

        await Eventually.HoldsAsync("all are dead", async () => (await StatsAsync(broker)).Dead == 5);
        var first = await broker.Queues.ListAsync(Queue, "default", PageRequest.First, Cancel);
        Assert.Equal(3, first.Items.Count);
        var second = await broker.Queues.ListAsync(Queue, "default", new PageRequest { After = first.Next }, Cancel);
        Assert.Equal(2, second.Items.Count);
        Assert.Null(second.Next);
        Assert.Equal(5, first.Items.Concat(second.Items).DistinctBy(record => record.MessageId).Count());
    }

    [Fact]
    public async Task A_call_whose_token_is_set_already_does_nothing()
    {
        var broker = await OpenAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await broker.Queues.EnqueueAsync(Queue, Message("1"), null, new CancellationToken(canceled: true)));
        Assert.Null(await broker.Queues.GetStatsAsync(Queue, Cancel));
    }

    [Fact]
    public async Task More_calls_than_wait_at_a_time_are_all_carried_out()
    {
        var broker = await OpenAsync();
        using var source = new CancellationTokenSource();
        const int Calls = 3 * Storage.Writer.MaxWaitingRequests;
        var receipts = await Task.WhenAll(Enumerable.Range(0, Calls).Select(i =>
            broker.Queues.EnqueueAsync(Queue, Message($"{i}"), null, i % 2 == 0 ? source.Token : default).AsTask()));
        Assert.Equal(Calls, receipts.Select(receipt => receipt.MessageId).Distinct().Count());
        Assert.Equal(Calls, (await broker.Queues.GetStatsAsync(Queue, Cancel))!.Unbound);
    }

    private static ValueTask<QueueVerdict> Ack(QueueDelivery delivery, CancellationToken cancellationToken) => ValueTask.FromResult(QueueVerdict.Ack);

    private static QueueMessage Message(string text) => new(Encoding.UTF8.GetBytes(text));

    private static async Task<EnqueueReceipt> EnqueueAsync(SqliteBroker broker, string text, EnqueueOptions? options = null) =>
        await broker.Queues.EnqueueAsync(Queue, Message(text), options, Cancel);

    private static async Task<BrokerException> RefusedAsync(Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<BrokerException>(call);
        Assert.Equal(BrokerErrorCodes.LimitExceeded, refusal.Code);
        return refusal;
    }

    private static async Task<GroupStats> StatsAsync(SqliteBroker broker) => (await broker.Queues.GetStatsAsync(Queue, Cancel))!.Groups[0];

    private static async Task<(long Waiting, long Delayed)> WaitingAndDelayedAsync(SqliteBroker broker)
    {
        var stats = await StatsAsync(broker);
        return (stats.Waiting, stats.Delayed);
    }

    private ValueTask<SqliteBroker> OpenAsync(BrokerLimits? limits = null, LineWindow? window = null) =>
        _folder.OpenAsync(limits, _time, window: window);

    private ValueTask<IAsyncDisposable> ConsumeAsync(
        SqliteBroker broker, QueueSubscription? subscription = null, Func<string, int, QueueVerdict>? judge = null) =>
        broker.Queues.ConsumeAsync(
            subscription ?? Subscription,
            (delivery, _) =>
            {
                var text = Encoding.UTF8.GetString(delivery.Payload.Span);
                _seen.Add((text, delivery.Attempt));
                return ValueTask.FromResult(judge?.Invoke(text, delivery.Attempt) ?? QueueVerdict.Ack);
            },
            Cancel);

    private long Count(string table)
    {
        using var connection = new SqliteConnection($"Data Source={_folder.File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT COUNT(*) FROM {table}";
        return (long)command.ExecuteScalar()!;
    }
}
