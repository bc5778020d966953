using System.Collections.Concurrent;
using System.Text;
using Iii.Broker.Memory;
using Iii.Adapters.Redis.Queues;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Tests;

/// <summary>What the Redis queues do beyond the contract.</summary>
public sealed class RedisQueueBrokerTests(RedisFixture redis)
{
    private const string Queue = "queue";

    private static readonly AttemptFailure Boom = new("boom", "It failed on purpose.");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_accepted_message_is_lost_when_the_server_is_killed_and_started_again()
    {
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { AppendFsync = "always" });
        await using var instances = new RedisInstances(server);
        var (producer, _) = await instances.OpenQueuesAsync();
        var (consumer, _) = await instances.OpenQueuesAsync();
        Assert.Equal(Durability.Synced, (await producer.EnqueueAsync(Queue, Message("first"), cancellationToken: Cancel)).Durability);
        var handled = new ConcurrentDictionary<string, int>();
        await using var consuming = await consumer.ConsumeAsync(
            new QueueSubscription(Queue) { Concurrency = 8, LeaseTime = QueueSubscription.MinLeaseTime, DrainTimeout = TimeSpan.Zero },
            (delivery, _) =>
            {
                handled.AddOrUpdate(delivery.MessageId, 1, static (_, count) => count + 1);
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);

        using var stop = new CancellationTokenSource();
        var accepted = new ConcurrentBag<string>();
        var producing = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    accepted.Add((await producer.EnqueueAsync(Queue, Message("x"), cancellationToken: Cancel)).MessageId);
                }
                catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
                {
                    await Eventually.HoldsAsync("Redis is back", () => producer.IsConnected);
                }
            }
        })).ToArray();
        for (var crash = 1; crash <= 3; crash++)
        {
            await Eventually.HoldsAsync("some are accepted", () => accepted.Count > crash * 200);
            server.Kill();
            await server.StartAsync();
        }

        var afterCrashes = accepted.Count;
        await Eventually.HoldsAsync("some more are accepted", () => accepted.Count > afterCrashes + 200);
        await stop.CancelAsync();
        await Task.WhenAll(producing);

        await Eventually.HoldsAsync("all accepted messages are handled", () => accepted.All(handled.ContainsKey));
        await Eventually.HoldsAsync("nothing is left", async () =>
            await consumer.GetStatsAsync(Queue, Cancel) is { Groups: [{ Waiting: 0, Delayed: 0, Delivering: 0, Dead: 0 }] });
    }

    /// <summary>The consumer says it again, as it must, and that must not let the next message of the key go.</summary>
    [Fact]
    public async Task An_acknowledgement_whose_answer_is_lost_does_not_break_the_order_of_its_key()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (producer, _) = await instances.OpenQueuesAsync();
        var (broker, proxy) = await instances.OpenQueuesAsync();
        var seen = new Recorder<(string Text, int Attempt)>();
        var gate = new TaskCompletionSource();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, LeaseTime = QueueSubscription.MinLeaseTime },
            async (delivery, _) =>
            {
                seen.Add((Encoding.UTF8.GetString(delivery.Payload.Span), delivery.Attempt));
                await gate.Task;
                return QueueVerdict.Ack;
            },
            Cancel);
        foreach (var text in (string[])["1", "2", "3", "4"])
        {
            await producer.EnqueueAsync(Queue, Message(text), new EnqueueOptions { OrderingKey = "key" }, Cancel);
        }

        await seen.WaitForAsync(1);
        proxy.FreezeReplies();
        gate.SetResult();
        await Eventually.HoldsAsync("the first is acknowledged, and the second leased to a consumer that does not know", async () =>
            await producer.GetStatsAsync(Queue, Cancel) is { Groups: [{ Waiting: 2, Delivering: 1 }] });
        proxy.Cut();
        proxy.Restore();

        Assert.Equal([("1", 1), ("2", 2), ("3", 1), ("4", 1)], await seen.WaitForAsync(4));
    }

    /// <summary>
    /// The runtime's timers may end a little before the time that a finer clock says, and the consumer then used to wait as long again: what is
    /// due a second later elsewhere came first.
    /// </summary>
    [Fact]
    public async Task A_consumer_with_nothing_else_to_do_does_not_oversleep_what_falls_due()
    {
        const string Witness = "witness";
        var delay = TimeSpan.FromSeconds(1.9);
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        await using var memory = new MemoryQueueBroker(new MemoryWorld());
        var seen = new Recorder<string>();
        var queues = Enumerable.Range(0, 40).Select(number => $"{Queue}.{number}").ToList();
        foreach (var queue in queues)
        {
            await ConsumeAsync(broker, seen, new QueueSubscription(queue));
        }

        await ConsumeAsync(memory, seen, new QueueSubscription(Witness));
        foreach (var queue in queues)
        {
            await broker.EnqueueAsync(queue, Message(queue), new EnqueueOptions { Delay = delay }, Cancel);
        }

        await memory.EnqueueAsync(Witness, Message(Witness), new EnqueueOptions { Delay = delay + TimeSpan.FromSeconds(1) }, Cancel);
        Assert.Equal(Witness, (await seen.WaitForAsync(queues.Count + 1))[^1]);
    }

    [Fact]
    public async Task No_delay_ends_early_by_the_servers_clock()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var database = broker.Connection.Database;
        for (var i = 0; i < 50; i++)
        {
            var queue = $"{Queue}.{i}";
            var time = (RedisValue[])(await database.ExecuteAsync("TIME"))!;
            await broker.EnqueueAsync(queue, Message("1"), new EnqueueOptions { Delay = TimeSpan.FromMinutes(10) }, Cancel);
            var delayed = Assert.Single(await database.SortedSetRangeByRankWithScoresAsync($"{broker.Connection.Names.Queue(queue)}:delayed:"));
            Assert.True(delayed.Score * 1000 >= ((long)time[0] * 1_000_000) + (long)time[1] + 600_000_000, $"due at {delayed.Score}, enqueued after {time[0]}.{time[1]}");
        }
    }

    [Fact]
    public async Task Scripts_that_the_server_forgets_are_sent_again()
    {
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { AppendFsync = "everysec" });
        await using var instances = new RedisInstances(server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(Queue));
        for (var i = 0; i < 10; i++)
        {
            await broker.EnqueueAsync(Queue, Message($"{i}"), cancellationToken: Cancel);
            Assert.Contains("OK", await server.CommandAsync("SCRIPT FLUSH"), StringComparison.Ordinal);
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), await seen.WaitForAsync(10));
    }

    [Fact]
    public async Task A_server_that_has_lost_everything_is_used_anew()
    {
        await using var server = await RedisServer.StartAsync();
        await using var instances = new RedisInstances(server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(Queue) { LeaseTime = QueueSubscription.MinLeaseTime });
        await broker.EnqueueAsync(Queue, Message("1"), cancellationToken: Cancel);
        await seen.WaitForAsync(1);

        await server.CommandAsync("FLUSHALL");
        await broker.EnqueueAsync(Queue, Message("2"), cancellationToken: Cancel);

        Assert.Equal(["1", "2"], await seen.WaitForAsync(2));
        Assert.Equal([Queue], (await broker.ListQueuesAsync(PageRequest.First, Cancel)).Items);
    }

    [Fact]
    public async Task What_is_promised_is_what_the_server_is_configured_for_and_weaknesses_are_logged()
    {
        foreach (var (options, durability, warnings) in (IEnumerable<(RedisServerOptions, Durability, string[])>)
        [
            (new() { AppendFsync = "always" }, Durability.Synced, []),
            (new() { AppendFsync = "everysec" }, Durability.Written, ["appendfsync everysec"]),
            (new() { MaxMemoryPolicy = "allkeys-lru" }, Durability.Volatile, ["maxmemory-policy allkeys-lru", "no append-only file"]),
        ])
        {
            await using var server = await RedisServer.StartAsync(options);
            await using var instances = new RedisInstances(server);
            using var log = new RecordingLoggerFactory();
            var (broker, _) = await instances.OpenQueuesAsync(configured => configured with { LoggerFactory = log });

            Assert.Equal(durability, (await broker.EnqueueAsync(Queue, Message("x"), cancellationToken: Cancel)).Durability);
            Assert.Equal(durability != Durability.Volatile, broker.Features.HasFlag(BrokerFeatures.Durable));
            Assert.Equal(warnings.Length, log.Warnings.Count);
            Assert.All(warnings, warning => Assert.Contains(log.Warnings, text => text.Contains(warning, StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task All_keys_of_a_queue_are_in_one_slot_and_a_cluster_takes_them()
    {
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { IsCluster = true, AppendFsync = "everysec" });
        await using var connection = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = server.Url }, Cancel);
        Assert.True(connection.IsCluster);
        await using var broker = await RedisQueueBroker.CreateAsync(connection, Cancel);
        foreach (var queue in (string[])["plain", "{a}b", "}", "a}{b", "%7D"])
        {
            var seen = new Recorder<string>();
            var options = new EnqueueOptions { OrderingKey = "k", Priority = 3, DeduplicationKey = "d", Delay = TimeSpan.FromMilliseconds(1) };
            await broker.EnqueueAsync(queue, Message("1"), options, Cancel);
            await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(queue), text => text switch
            {
                "1" => QueueVerdict.DeadLetter(Boom),
                "2" => QueueVerdict.RetryAfter(TimeSpan.FromHours(1)),
                _ => QueueVerdict.Ack,
            });
            await using var ordered = await ConsumeAsync(
                broker, seen, new QueueSubscription(queue) { Group = "ordered", Ordering = QueueOrdering.PerKey }, _ => QueueVerdict.RetryAfter(TimeSpan.FromHours(1)));
            await seen.WaitForAsync(1);
            await broker.EnqueueAsync(queue, Message("2"), new EnqueueOptions { OrderingKey = "k" }, Cancel);
            await broker.EnqueueAsync(queue, Message("3"), new EnqueueOptions { OrderingKey = "k" }, Cancel);
            await seen.WaitForAsync(4);
        }

        var keys = await connection.Database.Multiplexer.GetServers()[0].KeysAsync().Select(key => (string)key!).ToListAsync(Cancel);
        var ofQueues = keys.Where(key => key.Contains(":queue:", StringComparison.Ordinal)).ToList();
        Assert.True(ofQueues.Count > 50, $"{ofQueues.Count} keys are too few to say something.");
        Assert.All(ofQueues, key => Assert.Matches(@"^iii:default:queue:\{[^{}]+\}(:[^{}]*)?$", key));
        Assert.Equal(5, ofQueues.Select(key => key.Split('{', '}')[1]).Distinct().Count());
        Assert.All(keys.Except(ofQueues), key => Assert.Equal("iii:default:queues", key));
    }

    [Fact]
    public async Task A_lease_that_cannot_be_prolonged_is_taken_from_its_handler_and_its_verdict_does_not_count()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (first, proxy) = await instances.OpenQueuesAsync();
        var (second, _) = await instances.OpenQueuesAsync();
        var started = new Recorder<int>();
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await first.ConsumeAsync(
            new QueueSubscription(Queue) { LeaseTime = QueueSubscription.MinLeaseTime, DrainTimeout = TimeSpan.Zero },
            async (delivery, cancellationToken) =>
            {
                started.Add(delivery.Attempt);
                if (delivery.Attempt == 1)
                {
                    await using var registration = cancellationToken.Register(told.SetResult);
                    await told.Task;
                }

                return QueueVerdict.Ack;
            },
            Cancel);
        await first.EnqueueAsync(Queue, Message("1"), cancellationToken: Cancel);
        await started.WaitForAsync(1);
        proxy.Freeze();
        var attempts = new Recorder<(int Attempt, bool WasTold)>();
        await using var next = await second.ConsumeAsync(
            new QueueSubscription(Queue),
            (delivery, _) =>
            {
                attempts.Add((delivery.Attempt, told.Task.IsCompleted));
                return ValueTask.FromResult(delivery.Attempt == 2 ? QueueVerdict.RetryAfter(TimeSpan.Zero, Boom) : QueueVerdict.DeadLetter(Boom));
            },
            Cancel);

        Assert.Equal([(2, true), (3, true)], await attempts.WaitForAsync(2));
        proxy.Restore();

        await Eventually.HoldsAsync("it is back", () => first.IsConnected);
        await first.EnqueueAsync(Queue, Message("2"), cancellationToken: Cancel);
        await Eventually.HoldsAsync("both are settled", async () =>
            await second.GetStatsAsync(Queue, Cancel) is { Groups: [{ Waiting: 0, Delayed: 0, Delivering: 0, Dead: >= 1 }] });
        var dead = (await second.ListAsync(Queue, "default", PageRequest.First, Cancel)).Items[0];
        Assert.Equal(["consumer_lost", "boom", "boom"], dead.Failures.Select(failure => failure.Failure.Code));
        Assert.Equal([1, 2, 3], dead.Failures.Select(failure => failure.Attempt));
    }

    /// <summary>However long its handlers may have: at shutdown, a process must end that has nothing left to wait for.</summary>
    [Fact]
    public async Task A_consumer_that_stops_while_Redis_is_away_waits_no_longer_for_it_than_its_leases_last()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (broker, proxy) = await instances.OpenQueuesAsync();
        var attempts = new Recorder<int>();
        var gate = new TaskCompletionSource();
        var subscription = new QueueSubscription(Queue) { LeaseTime = QueueSubscription.MinLeaseTime, DrainTimeout = TimeSpan.FromDays(1) };
        var consumer = await broker.ConsumeAsync(
            subscription,
            async (delivery, _) =>
            {
                attempts.Add(delivery.Attempt);
                await gate.Task;
                return QueueVerdict.Ack;
            },
            Cancel);
        await broker.EnqueueAsync(Queue, Message("1"), cancellationToken: Cancel);
        await attempts.WaitForAsync(1);
        proxy.Cut();
        gate.SetResult();
        try
        {
            await Eventually.CompletesAsync("the consumer has ended", consumer.DisposeAsync().AsTask());
        }
        finally
        {
            proxy.Restore();
        }

        await Eventually.HoldsAsync("it is back", () => broker.IsConnected);
        await using var next = await broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                attempts.Add(delivery.Attempt);
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        Assert.Equal([1, 2], await attempts.WaitForAsync(2));
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_goes_to_the_dead_letters_as_it_is_and_blocks_nobody()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var first = await broker.EnqueueAsync(Queue, Message("1"), new EnqueueOptions { OrderingKey = "k" }, Cancel);
        await broker.EnqueueAsync(Queue, Message("2"), new EnqueueOptions { OrderingKey = "k" }, Cancel);
        byte[] record = [9, 8, 7, 6, 5];
        Assert.False(await broker.Connection.Database.HashSetAsync(
            $"{broker.Connection.Names.Queue(Queue)}:messages:", first.MessageId, record));

        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey });

        Assert.Equal(["2"], await seen.WaitForAsync(1));
        var dead = Assert.Single((await broker.ListAsync(Queue, "default", PageRequest.First, Cancel)).Items);
        Assert.Equal((first.MessageId, "unreadable_record"), (dead.MessageId, dead.Reason.Code));
        Assert.Equal(record, dead.Payload.ToArray());
        Assert.True(await broker.RedriveAsync(Queue, "default", first.MessageId, Cancel));
        await Eventually.HoldsAsync("it is dead again", async () =>
            (await broker.ListAsync(Queue, "default", PageRequest.First, Cancel)).Items.Count == 1);
        Assert.True(await broker.DiscardAsync(Queue, "default", first.MessageId, Cancel));
    }

    [Theory]
    [InlineData("1 0\n{\"attempt\":1,\"at\":0,\"code\":\"boom\"}", 2)]
    [InlineData("1 0\n{\"attempt\":1,\"at\":9223372036854775807,\"code\":\"boom\",\"message\":\"\"}", 2)]
    [InlineData("1 0\nnull", 2)]
    [InlineData("99999999999 0", 1)]
    public async Task A_history_that_cannot_be_read_keeps_no_message_from_its_handler(string history, int attempt)
    {
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        await (await ConsumeAsync(broker, new Recorder<string>(), new QueueSubscription(Queue))).DisposeAsync();
        var id = (await broker.EnqueueAsync(Queue, Message("1"), cancellationToken: Cancel)).MessageId;
        var key = broker.Connection.Names.Queue(Queue);
        await broker.Connection.Database.HashSetAsync($"{key}:history:default", id, history);
        await broker.Connection.Database.HashSetAsync($"{key}:group:default", "retried", "1");

        var seen = new Recorder<QueueDelivery>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(Queue),
            (delivery, _) =>
            {
                seen.Add(delivery);
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);

        var delivery = Assert.Single(await seen.WaitForAsync(1));
        Assert.Equal((id, attempt), (delivery.MessageId, delivery.Attempt));
        Assert.All(delivery.Failures, failure => Assert.Equal("unreadable_failure", failure.Failure.Code));
        await Eventually.HoldsAsync("it is settled", async () =>
            await broker.GetStatsAsync(Queue, Cancel) is { Groups: [{ Waiting: 0, Delivering: 0 }] });
    }

    /// <summary>Such as this handle, which is none.</summary>
    [Fact]
    public async Task What_nobody_expected_is_logged_and_ends_no_consumer()
    {
        await using var instances = new RedisInstances(redis.Server);
        using var log = new RecordingLoggerFactory();
        var (broker, _) = await instances.OpenQueuesAsync(options => options with { LoggerFactory = log });
        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(Queue));
        var key = broker.Connection.Names.Queue(Queue);
        await broker.Connection.Database.HashSetAsync($"{key}:messages:default", "short", "record");
        await broker.Connection.Database.ListRightPushAsync($"{key}:ready0:default", "short");
        await Eventually.HoldsAsync("it is logged", () => log.Warnings.Any(text => text.Contains(Queue, StringComparison.Ordinal)));

        await broker.EnqueueAsync(Queue, Message("1"), cancellationToken: Cancel);
        Assert.Equal(["1"], await seen.WaitForAsync(1));
    }

    [Fact]
    public async Task No_priority_starves()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        await broker.EnqueueAsync(Queue, Message("low"), cancellationToken: Cancel);
        for (var i = 0; i < 100; i++)
        {
            await broker.EnqueueAsync(Queue, Message("high"), new EnqueueOptions { Priority = 1 + (i % BrokerLimits.MaxPriority) }, Cancel);
        }

        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(Queue));
        Assert.InRange((await seen.WaitForAsync(101)).ToList().IndexOf("low"), 20, 40);
    }

    [Fact]
    public async Task The_lanes_of_a_few_keys_are_found_without_going_through_all_of_them()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var lanes = $"{broker.Connection.Names.Queue(Queue)}:busy:default";
        foreach (var (ordering, expected) in (IEnumerable<(QueueOrdering, string?)>)
            [(QueueOrdering.PerKey, "hashtable"), (QueueOrdering.None, null), (QueueOrdering.PerKey, "hashtable")])
        {
            var seen = new Recorder<string>();
            await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(Queue) { Ordering = ordering });
            await broker.EnqueueAsync(Queue, Message("1"), new EnqueueOptions { OrderingKey = "k" }, Cancel);
            await seen.WaitForAsync(1);
            Assert.Equal(expected, (string?)await broker.Connection.Database.ExecuteAsync("OBJECT", "ENCODING", lanes));
        }
    }

    [Fact]
    public async Task A_group_may_change_its_ordering_with_many_messages_waiting_and_each_key_keeps_its_order()
    {
        const int Keys = 30;
        const int Count = 3_000;
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var calls = Enumerable.Range(0, Count).Select(i => broker.EnqueueAsync(
            Queue, Message($"{i % Keys}:{i}"), new EnqueueOptions { OrderingKey = $"{i % Keys}", Priority = i % 3 }, Cancel).AsTask()).ToArray();
        await Task.WhenAll(calls);
        foreach (var ordering in (QueueOrdering[])[QueueOrdering.PerKey, QueueOrdering.None, QueueOrdering.PerKey, QueueOrdering.None])
        {
            var started = new Recorder<string>();
            await using var giver = await broker.ConsumeAsync(
                new QueueSubscription(Queue) { Ordering = ordering, Concurrency = 4, DrainTimeout = TimeSpan.Zero },
                async (delivery, cancellationToken) =>
                {
                    started.Add(delivery.MessageId);
                    await new TaskCompletionSource().Task.WaitAsync(cancellationToken);
                    return QueueVerdict.Ack;
                },
                Cancel);
            await started.WaitForAsync(4);
        }

        Assert.Equal(Count, (await broker.GetStatsAsync(Queue, Cancel))!.Groups.Sum(group => group.Waiting));
        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(
            broker, seen, new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, Concurrency = 16 });
        await seen.WaitForAsync(Count);
        foreach (var key in seen.Items.Select(text => text.Split(':')).GroupBy(parts => parts[0], parts => int.Parse(parts[1], null)))
        {
            Assert.Equal(Enumerable.Range(0, Count / Keys).Select(i => int.Parse(key.Key, null) + (i * Keys)), key);
        }
    }

    /// <summary>A script that fails half-way leaves what it has done.</summary>
    [Fact]
    public async Task A_group_may_change_its_ordering_with_many_messages_waiting_in_every_priority()
    {
        const int Count = 8_000;
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var seen = new Recorder<string>();
        await using (await ConsumeAsync(broker, seen, new QueueSubscription(Queue)))
        {
            await broker.EnqueueAsync(Queue, Message("first"), cancellationToken: Cancel);
            await seen.WaitForAsync(1);
        }

        var calls = Enumerable.Range(0, Count).Select(i => broker.EnqueueAsync(
            Queue, Message($"{i}"), new EnqueueOptions { Priority = i % (BrokerLimits.MaxPriority + 1) }, Cancel).AsTask()).ToArray();
        await Task.WhenAll(calls);

        var perKey = new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, Concurrency = 100 };
        await using var consumer = await ConsumeAsync(broker, seen, perKey);
        Assert.Equal(Count, (await seen.WaitForAsync(Count + 1)).Skip(1).Distinct().Count());
    }

    /// <summary>A call takes only so many bytes, and that is no reason to sleep.</summary>
    [Fact]
    public async Task Large_messages_do_not_wait_beside_free_places()
    {
        const int Count = 100;
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var payload = new byte[200_000];
        await Task.WhenAll(Enumerable.Range(0, Count).Select(_ =>
            broker.EnqueueAsync(Queue, new QueueMessage(payload), cancellationToken: Cancel).AsTask()));
        var started = new Recorder<string>();
        var gate = new TaskCompletionSource();
        var start = TimeProvider.System.GetTimestamp();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(Queue) { Concurrency = Count },
            async (delivery, _) =>
            {
                started.Add(delivery.MessageId);
                await gate.Task;
                return QueueVerdict.Ack;
            },
            Cancel);

        await started.WaitForAsync(Count);
        gate.SetResult();
        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData(QueueOrdering.None)]
    [InlineData(QueueOrdering.PerKey)]
    public async Task A_call_takes_few_large_messages_whatever_comes_before_them(QueueOrdering ordering)
    {
        const int Small = 120;
        const int Large = 60;
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        var subscription = new QueueSubscription(Queue) { Ordering = ordering };
        await (await ConsumeAsync(broker, new Recorder<string>(), subscription)).DisposeAsync();
        var payload = new byte[1024 * 1024];
        for (var i = 0; i < Small + Large; i++)
        {
            var message = i < Small ? Message("small") : new QueueMessage(payload);
            await broker.EnqueueAsync(Queue, message, new EnqueueOptions { OrderingKey = $"{i}" }, Cancel);
        }

        var arguments = new WorkArguments(broker.Connection.PublishCommand, subscription, ordering == QueueOrdering.None ? "p" : "k");
        var reply = new WorkReply(await broker.RunAsync(
            QueueScripts.Work, [broker.Connection.Names.Queue(Queue)], arguments.Create([], want: 256, looksForDue: true, maySleep: true)));

        Assert.InRange(reply.MessageCount, Small + 1, Small + 16);
        Assert.Equal(TimeSpan.Zero, reply.DueIn);
    }

    /// <summary>Nobody consumes: before any has, after one has in any order, and after one has per key, from few keys and from many.</summary>
    [Theory]
    [InlineData(null, 0)]
    [InlineData(QueueOrdering.None, 0)]
    [InlineData(QueueOrdering.PerKey, 3)]
    [InlineData(QueueOrdering.PerKey, 1_000)]
    public async Task What_is_cancelled_does_not_pile_up_and_what_is_not_keeps_its_order(QueueOrdering? ordering, int keys)
    {
        const int Count = 6_000;
        const int KeptEvery = 300;
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync();
        if (ordering is { } first)
        {
            await (await ConsumeAsync(broker, new Recorder<string>(), new QueueSubscription(Queue) { Ordering = first })).DisposeAsync();
        }

        var receipts = await Task.WhenAll(Enumerable.Range(0, Count).Select(i => broker.EnqueueAsync(
            Queue,
            Message($"{i}"),
            new EnqueueOptions { OrderingKey = keys == 0 ? null : $"{i % keys}", Priority = keys == 0 ? 0 : i % 3 },
            Cancel).AsTask()));
        var cancelled = await Task.WhenAll(receipts
            .Where((_, i) => i % KeptEvery != 0)
            .Select(receipt => broker.CancelAsync(Queue, receipt.MessageId, Cancel).AsTask()));
        Assert.DoesNotContain(false, cancelled);

        var database = broker.Connection.Database;
        var handles = 0L;
        await foreach (var key in database.Multiplexer.GetServers()[0].KeysAsync(pattern: $"{instances.Prefix}*", pageSize: 1000))
        {
            handles += await database.KeyTypeAsync(key) switch
            {
                RedisType.List => await database.ListLengthAsync(key),
                RedisType.SortedSet when !((string)key!).EndsWith(":queues", StringComparison.Ordinal) => await database.SortedSetLengthAsync(key),
                _ => 0,
            };
        }

        Assert.InRange(handles, Count / KeptEvery, (Count / KeptEvery) + 1_000);
        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(
            broker, seen, new QueueSubscription(Queue) { Ordering = ordering ?? QueueOrdering.None });
        await seen.WaitForAsync(Count / KeptEvery);
        Assert.Equal(Enumerable.Range(0, Count / KeptEvery).Select(i => i * KeptEvery), seen.Items.Select(text => int.Parse(text, null)).Order());
        foreach (var key in seen.Items.Select(text => int.Parse(text, null)).GroupBy(number => keys == 0 ? 0 : number % keys))
        {
            Assert.Equal(key.Order(), key);
        }

        var left = (long?)await database.HashGetAsync($"{broker.Connection.Names.Queue(Queue)}:group:default", "left");
        Assert.Equal(0, left ?? 0);
    }

    [Fact]
    public async Task Memory_that_is_full_refuses_producers_and_lets_consumers_work()
    {
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { AppendFsync = "everysec" });
        await using var instances = new RedisInstances(server);
        var (broker, _) = await instances.OpenQueuesAsync();
        for (var i = 0; i < 20; i++)
        {
            await broker.EnqueueAsync(Queue, Message($"{i}"), cancellationToken: Cancel);
        }

        await server.CommandAsync("CONFIG SET maxmemory 1mb");
        var refused = await Assert.ThrowsAsync<BrokerException>(async () => await broker.EnqueueAsync(Queue, Message("x"), cancellationToken: Cancel));
        Assert.Contains("OOM", refused.Message, StringComparison.Ordinal);

        var seen = new Recorder<string>();
        await using var consumer = await ConsumeAsync(broker, seen, new QueueSubscription(Queue));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), await seen.WaitForAsync(20));
    }

    [Fact]
    public async Task Messages_that_are_enqueued_at_the_same_time_share_calls()
    {
        await using var server = await RedisServer.StartAsync();
        await using var instances = new RedisInstances(server);
        var (broker, _) = await instances.OpenQueuesAsync();
        await broker.EnqueueAsync(Queue, Message("x"), cancellationToken: Cancel);
        await server.CommandAsync("CONFIG RESETSTAT");

        var calls = Enumerable.Range(0, 1000).Select(_ => broker.EnqueueAsync(Queue, Message("x"), cancellationToken: Cancel).AsTask()).ToArray();
        var receipts = await Task.WhenAll(calls);

        Assert.Equal(1000, receipts.Select(receipt => receipt.MessageId).Distinct().Count());
        var stats = await server.CommandAsync("INFO commandstats");
        var evalsha = stats.Split("cmdstat_evalsha:calls=")[1].Split(',')[0];
        Assert.InRange(int.Parse(evalsha, null), 1, 200);
    }

    [Fact]
    public async Task Deduplication_keys_and_queues_are_bounded_in_number()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (broker, _) = await instances.OpenQueuesAsync(options => options with { Limits = new BrokerLimits { MaxQueueLength = 3, MaxNames = 1 } });
        await using var consumer = await ConsumeAsync(broker, new Recorder<string>(), new QueueSubscription(Queue));
        for (var i = 0; i < 3; i++)
        {
            await broker.EnqueueAsync(Queue, Message("x"), new EnqueueOptions { DeduplicationKey = $"{i}" }, Cancel);
        }

        foreach (var call in (Func<Task>[])
        [
            async () => await broker.EnqueueAsync(Queue, Message("x"), new EnqueueOptions { DeduplicationKey = "3" }, Cancel),
            async () => await broker.EnqueueAsync("another", Message("x"), null, Cancel),
            async () => await ConsumeAsync(broker, new Recorder<string>(), new QueueSubscription(Queue) { Group = "another" }),
        ])
        {
            Assert.Equal(BrokerErrorCodes.LimitExceeded, (await Assert.ThrowsAsync<BrokerException>(call)).Code);
        }
    }

    private static async Task<IAsyncDisposable> ConsumeAsync(
        IQueueBroker broker, Recorder<string> seen, QueueSubscription subscription, Func<string, QueueVerdict>? judge = null) =>
        await broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                var text = Encoding.UTF8.GetString(delivery.Payload.Span);
                seen.Add(text);
                return ValueTask.FromResult(judge?.Invoke(text) ?? QueueVerdict.Ack);
            },
            Cancel);

    private static QueueMessage Message(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>Keeps the warnings.</summary>
    private sealed class RecordingLoggerFactory : ILoggerFactory, ILogger
    {
        private readonly Recorder<string> _warnings = new();

        public IReadOnlyList<string> Warnings => _warnings.Items;

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
            {
                _warnings.Add(formatter(state, exception));
            }
        }
    }
}
