using System.Collections.Concurrent;
using System.Text;
using Iii.Adapters.RabbitMq.Publishing;
using Iii.Adapters.RabbitMq.Queues;
using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Tests;

/// <summary>The queues on a server that is killed.</summary>
public sealed class BrokenServerQueueTests(ServerToBreak broken) : IClassFixture<ServerToBreak>, IAsyncDisposable
{
    private readonly World _world = new(broken.Server);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task No_message_with_a_receipt_is_lost_when_the_server_is_killed_under_load_wherever_it_was()
    {
        await using var broker = await OpenAsync();
        var accepted = new ConcurrentDictionary<string, string>();
        var handled = new ConcurrentDictionary<string, int>();
        var subscription = new QueueSubscription("work") { Concurrency = 32 };
        await broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                // Some at once, some after a delay, some by way of the dead letters.
                var number = int.Parse(Encoding.UTF8.GetString(delivery.Payload.Span), null);
                var verdict = (number % 4, delivery.Attempt) switch
                {
                    (1, 1) => QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(700)),
                    (2, 1) => QueueVerdict.RetryAfter(TimeSpan.Zero),
                    (3, _) => QueueVerdict.DeadLetter(new AttemptFailure("dead", "on purpose")),
                    _ => QueueVerdict.Ack,
                };
                if (verdict == QueueVerdict.Ack)
                {
                    handled.AddOrUpdate(delivery.MessageId, 1, (_, count) => count + 1);
                }

                return ValueTask.FromResult(verdict);
            },
            Cancel);

        await SettleDownAsync(broker, "work");
        using var stop = new CancellationTokenSource();
        var next = 0;
        var publishers = Enumerable.Range(0, 16).Select(_ => Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var number = Interlocked.Increment(ref next);
                    try
                    {
                        var options = new EnqueueOptions { Delay = number % 5 == 0 ? TimeSpan.FromMilliseconds(300) : TimeSpan.Zero };
                        var receipt = await broker.EnqueueAsync("work", new QueueMessage(Encoding.UTF8.GetBytes($"{number}")), options, Cancel);
                        Assert.Equal(Durability.Synced, receipt.Durability);
                        accepted[receipt.MessageId] = $"{number}";
                    }
                    catch (BrokerException refused) when (refused.Code == BrokerErrorCodes.BrokerUnavailable)
                    {
                        await Eventually.HoldsAsync("RabbitMQ is back", () => broker.IsConnected);
                    }
                }
            },
            Cancel)).ToList();

        await Eventually.HoldsAsync("there is load", () => accepted.Count > 500);
        await broken.Server.KillAsync();
        await broken.Server.StartAsync();
        var before = accepted.Count;
        await Eventually.HoldsAsync("there is load again", () => accepted.Count > before + 200);
        await stop.CancelAsync();
        await Task.WhenAll(publishers);

        var dead = new HashSet<string>();
        await Eventually.HoldsAsync("every message has come to its end", async () =>
        {
            for (var page = new PageRequest { Limit = BrokerLimits.MaxPageSize }; ;)
            {
                var found = await broker.ListAsync("work", QueueSubscription.DefaultGroup, page, Cancel);
                dead.UnionWith(found.Items.Select(record => record.MessageId));
                if (found.Next is null)
                {
                    break;
                }

                page = page with { After = found.Next };
            }

            return accepted.Keys.All(id => handled.ContainsKey(id) || dead.Contains(id));
        });
    }

    [Fact]
    public async Task Consumers_in_order_go_on_after_a_crash_of_the_server()
    {
        await using var broker = await OpenAsync();
        var seen = new Recorder<int>();
        await broker.ConsumeAsync(
            new QueueSubscription("ordered") { Ordering = QueueOrdering.PerKey, Concurrency = 8 },
            (delivery, _) =>
            {
                seen.Add(int.Parse(Encoding.UTF8.GetString(delivery.Payload.Span), null));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        await SettleDownAsync(broker, "ordered");
        await EnqueueAsync(1, 50);
        await seen.WaitForAsync(50);
        await broken.Server.KillAsync();
        await broken.Server.StartAsync();
        await Eventually.HoldsAsync("it is connected", () => broker.IsConnected);
        await EnqueueAsync(50, 100);

        await Eventually.HoldsAsync("all have come", () => seen.Items.Distinct().Count() == 100);
        Assert.Equal(Enumerable.Range(50, 50), seen.Items.Where(number => number >= 50));

        async Task EnqueueAsync(int first, int end)
        {
            for (var i = first; i < end; i++)
            {
                await broker.EnqueueAsync("ordered", new QueueMessage(Encoding.UTF8.GetBytes($"{i}")), new EnqueueOptions { OrderingKey = "k" }, Cancel);
            }
        }
    }

    [Fact]
    public async Task A_redriven_message_that_finds_its_group_full_waits_with_the_server_until_there_is_room()
    {
        // The smaller bound is the one that counts, and whoever redrives does not know it.
        await using var small = await OpenAsync(options => options with { Limits = new BrokerLimits { MaxQueueLength = 10 } });
        await using var broker = await OpenAsync();
        var isHealed = false;
        var seen = new Recorder<string>();
        await SetPatienceAsync(TimeSpan.FromSeconds(1));
        var killer = await ConsumeAsync();
        await SetPatienceAsync(TimeSpan.FromSeconds(30));
        var receipt = await broker.EnqueueAsync("full", new QueueMessage("1"u8.ToArray()), null, Cancel);
        await Eventually.HoldsAsync("it is dead", async () => (await ListAsync()).Count == 1);
        await killer.DisposeAsync();
        await Eventually.HoldsAsync("the group is full", async () =>
        {
            try
            {
                await broker.EnqueueAsync("full", new QueueMessage("2"u8.ToArray()), null, Cancel);
                return false;
            }
            catch (BrokerException full) when (full.Code == BrokerErrorCodes.LimitExceeded)
            {
                return true;
            }
        });

        Assert.True(await broker.RedriveAsync("full", QueueSubscription.DefaultGroup, receipt.MessageId, Cancel));
        Assert.Empty(await ListAsync());
        isHealed = true;
        await ConsumeAsync();
        await Eventually.HoldsAsync("it has come", () => seen.Items.Contains(receipt.MessageId));

        Task<IAsyncDisposable> ConsumeAsync() => small.ConsumeAsync(
            new QueueSubscription("full"),
            (delivery, _) =>
            {
                if (!isHealed)
                {
                    return ValueTask.FromResult(QueueVerdict.DeadLetter(new AttemptFailure("dead", "on purpose")));
                }

                seen.Add(delivery.MessageId);
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel).AsTask();

        async Task<IReadOnlyList<DeadLetterRecord>> ListAsync() =>
            (await broker.ListAsync("full", QueueSubscription.DefaultGroup, PageRequest.First, Cancel)).Items;

        Task SetPatienceAsync(TimeSpan patience) => broken.Server.ControlAsync(
            "eval", $"application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, {(int)patience.TotalMilliseconds}).");
    }

    [Fact]
    public async Task Who_gives_up_making_the_queues_of_an_instance_leaves_nobody_behind_who_holds_messages()
    {
        var instance = await _world.OpenAsync();
        var (first, second) = ($"iii.near.{_world.Options.Cluster}.0", $"iii.near.{_world.Options.Cluster}.1");
        await (await RabbitMqQueueBroker.CreateAsync(instance.Connection, Cancel)).DisposeAsync();
        await using var raw = await new ConnectionFactory { Uri = new Uri(broken.Server.Url) }.CreateConnectionAsync(Cancel);
        await using var channel = await raw.CreateChannelAsync(cancellationToken: Cancel);
        await TellAsync("suspend");
        try
        {
            using var givingUp = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            var creating = RabbitMqQueueBroker.CreateAsync(instance.Connection, givingUp.Token);
            await Eventually.HoldsAsync("the first half is held", async () => await channel.ConsumerCountAsync(first, Cancel) == 1);
            await givingUp.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creating);
            await Eventually.HoldsAsync("nobody holds it", async () => await channel.ConsumerCountAsync(first, Cancel) == 0);
        }
        finally
        {
            await TellAsync("resume");
        }

        Task TellAsync(string what) => broken.Server.ControlAsync("eval", $"sys:{what}('%2F_{second}').");
    }

    /// <summary>The broker says that it blocks while a publisher is being built up again, before that listens for it.</summary>
    [Fact]
    public async Task A_publisher_that_begins_on_a_connection_that_is_blocked_refuses_until_it_is_not()
    {
        var link = (await _world.OpenAsync()).Connection.Publishing;
        var source = new QueueOutbox(10);
        var publisher = new ConfirmedPublisher(source, 10, TimeSpan.FromSeconds(10), BlockAsync);
        await broken.Server.ControlAsync("set_vm_memory_high_watermark", "0.0000001");
        try
        {
            await link.AttachAsync(publisher, Cancel);
            var refused = await Assert.ThrowsAsync<BrokerException>(async () => await AddAsync());
            Assert.Contains("short of memory", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            await broken.Server.ControlAsync("set_vm_memory_high_watermark", "0.4");
        }

        await Eventually.HoldsAsync("it is not blocked", () => link.Require().BlockedReason is null);
        var publication = await AddAsync();
        publisher.Wake();
        Assert.Equal(PublicationOutcome.Returned, await publication.Outcome.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        await link.DetachAsync(publisher);
        await publisher.CloseAsync();

        ValueTask<QueuePublication> AddAsync() => source.AddAsync("", "nobody", "1"u8.ToArray(), new BasicProperties(), Cancel);

        async Task BlockAsync(IChannel channel, CancellationToken cancellationToken)
        {
            var other = await link.Require().OpenProbeAsync(cancellationToken);
            await other.BasicPublishAsync("", "nobody", "1"u8.ToArray(), cancellationToken);
            await Eventually.HoldsAsync("it is blocked", () => link.Require().BlockedReason is not null);
        }
    }

    private async Task<RabbitMqQueueBroker> OpenAsync(Func<RabbitMqBrokerOptions, RabbitMqBrokerOptions>? change = null)
    {
        var instance = await _world.OpenAsync(change);
        return await RabbitMqQueueBroker.CreateAsync(instance.Connection, Cancel);
    }

    /// <summary>
    /// Sees to it that all is declared, and then restarts the server in good order: RabbitMQ 3.10 writes down which quorum queues there
    /// are only after half a second of rest, and a queue that was declared just before a crash never works again.
    /// </summary>
    private async Task SettleDownAsync(RabbitMqQueueBroker broker, string queue)
    {
        await broker.EnqueueAsync(queue, new QueueMessage("0"u8.ToArray()), new EnqueueOptions { Delay = TimeSpan.FromSeconds(1) }, Cancel);
        await broken.Server.StopAsync();
        await broken.Server.StartAsync();
        await Eventually.HoldsAsync("it is connected", () => broker.IsConnected);
    }
}
