using System.Collections.Concurrent;
using System.Text;
using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.RabbitMq.Tests;

/// <summary>Dead letters are moved by the broker, whatever becomes of those who ask for it.</summary>
public sealed class RabbitMqDeadLetterTests(SharedServer shared) : QueueTests(shared)
{
    private const string Queue = "orders";
    private const int Many = 500;

    private static readonly AttemptFailure Boom = new("boom", "It failed on purpose.");

    private readonly ConcurrentDictionary<string, int> _handled = new();

    /// <summary>Messages die until it is set.</summary>
    private volatile bool _isHealed;

    [Fact]
    public async Task Whatever_the_moment_at_which_a_redriving_instance_is_cut_off_nothing_is_lost_or_doubled()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker, concurrency: 32);
        var dead = await DieAsync(broker, Many);
        _isHealed = true;

        // At once; when it has read some; when some have been moved, and half of them.
        Func<Task<bool>>[] moments =
        [
            () => Task.FromResult(true),
            async () => await CountAsync($"iii.dead.{Cluster}/{Queue}/{Group}") < Many,
            () => Task.FromResult(!_handled.IsEmpty),
            () => Task.FromResult(_handled.Count >= Many / 2),
        ];
        foreach (var moment in moments)
        {
            var instance = await World.OpenAsync();
            var redriving = (await OpenAsync(instance)).RedriveAsync(Queue, Group, dead, Cancel).AsTask();
            await Eventually.HoldsAsync("the moment has come", async () => redriving.IsCompleted || await moment());
            instance.Proxy.Cut();
            try
            {
                await redriving;
            }
            catch (BrokerException cut) when (cut.Code == BrokerErrorCodes.BrokerUnavailable)
            {
                // It was not done by then.
            }
        }

        await Eventually.HoldsAsync($"all are handled, but {_handled.Count} are", async () =>
        {
            await broker.RedriveAsync(Queue, Group, dead, Cancel);
            return _handled.Count == Many;
        });
        await AssertNoneIsDoubledAsync(broker);
    }

    [Fact]
    public async Task What_was_redriven_arrives_although_the_instance_is_cut_off_as_soon_as_it_knows()
    {
        var broker = await OpenAsync();
        await ConsumeAsync(broker, concurrency: 32);
        var dead = await DieAsync(broker, Many);
        var instance = await World.OpenAsync();
        var other = await OpenAsync(instance);
        _isHealed = true;
        Assert.Equal(Many, await other.RedriveAsync(Queue, Group, dead, Cancel));
        instance.Proxy.Cut();

        Assert.Empty((await broker.ListAsync(Queue, Group, PageRequest.First, Cancel)).Items);
        await Eventually.HoldsAsync($"all are handled, but {_handled.Count} are", () => _handled.Count == Many);
        await AssertNoneIsDoubledAsync(broker);
    }

    [Fact]
    public async Task Messages_that_are_redriven_together_come_in_the_order_in_which_they_died()
    {
        var broker = await OpenAsync();
        var subscription = new QueueSubscription(Queue) { Ordering = QueueOrdering.PerKey, Concurrency = 4 };
        var killer = await broker.ConsumeAsync(subscription, (_, _) => ValueTask.FromResult(QueueVerdict.DeadLetter(Boom)), Cancel);
        var dead = await DieAsync(broker, Many);
        await killer.DisposeAsync();
        Assert.Equal(Many, await broker.RedriveAsync(Queue, Group, [.. dead.OrderBy(static id => id[^8..], StringComparer.Ordinal)], Cancel));
        var seen = new Recorder<(string MessageId, int Attempt)>();
        await broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                seen.Add((delivery.MessageId, delivery.Attempt));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);

        Assert.Equal(dead.Select(static id => (id, 1)), await seen.WaitForAsync(Many));
    }

    [Fact]
    public async Task A_full_group_takes_as_many_as_it_has_room_for_and_the_rest_stay_dead_letters()
    {
        var broker = await OpenAsync(await World.OpenAsync(options => options with { Limits = new BrokerLimits { MaxQueueLength = 10 } }));
        var killer = await ConsumeAsync(broker, concurrency: 1);
        var dead = await DieAsync(broker, 5);
        await killer.DisposeAsync();
        for (var i = 0; i < 7; i++)
        {
            await EnqueueAsync(broker, $"{i}");
        }

        var full = await Assert.ThrowsAsync<BrokerException>(async () => await broker.RedriveAsync(Queue, Group, dead, Cancel));
        Assert.Equal(BrokerErrorCodes.LimitExceeded, full.Code);
        Assert.Equal(dead.Skip(3), await ListAsync(broker));

        _isHealed = true;
        await ConsumeAsync(broker, concurrency: 1);
        await Eventually.HoldsAsync("there is room", () => _handled.Count == 10);
        Assert.Equal(2, await broker.RedriveAsync(Queue, Group, dead, Cancel));
        await Eventually.HoldsAsync("all are handled", () => _handled.Count == 12);
    }

    [Fact]
    public async Task Dead_letters_that_the_broker_would_delete_instead_of_moving_them_stay_and_the_error_says_so()
    {
        var broker = await OpenAsync();
        await using (var raw = await OpenRawAsync())
        {
            // As somebody else might have declared it.
            var channel = await raw.CreateChannelAsync(cancellationToken: Cancel);
            var arguments = new Dictionary<string, object?> { ["x-queue-type"] = "quorum" };
            await channel.QueueDeclareAsync($"iii.dead.{Cluster}/{Queue}/{Group}", true, false, false, arguments, cancellationToken: Cancel);
        }

        await ConsumeAsync(broker, concurrency: 1);
        var dead = await DieAsync(broker, 2);
        var conflict = await Assert.ThrowsAsync<BrokerException>(async () => await broker.RedriveAsync(Queue, Group, dead[0], Cancel));
        Assert.Equal(BrokerErrorCodes.Conflict, conflict.Code);
        Assert.Equal(dead, await ListAsync(broker));
    }

    private static ValueTask<EnqueueReceipt> EnqueueAsync(RabbitMqQueueBroker broker, string text) => broker.EnqueueAsync(
        Queue, new QueueMessage(Encoding.UTF8.GetBytes(text)), new EnqueueOptions { OrderingKey = "k" }, Cancel);

    private static async Task<IReadOnlyList<string>> ListAsync(RabbitMqQueueBroker broker)
    {
        var page = await broker.ListAsync(Queue, Group, new PageRequest { Limit = BrokerLimits.MaxPageSize }, Cancel);
        return [.. page.Items.Select(static record => record.MessageId)];
    }

    /// <summary>Makes dead letters; their ids, in the order of their deaths.</summary>
    private static async Task<IReadOnlyList<string>> DieAsync(RabbitMqQueueBroker broker, int count)
    {
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => EnqueueAsync(broker, $"dead {i}").AsTask()));
        IReadOnlyList<string> dead = [];
        await Eventually.HoldsAsync($"{count} are dead", async () => (dead = await ListAsync(broker)).Count == count);
        return dead;
    }

    /// <summary>What comes behind all others has come.</summary>
    private async Task AssertNoneIsDoubledAsync(RabbitMqQueueBroker broker)
    {
        _isHealed = false;
        var last = (await DieAsync(broker, 1))[0];
        _isHealed = true;
        Assert.True(await broker.RedriveAsync(Queue, Group, last, Cancel));
        await Eventually.HoldsAsync("the last one has come", () => _handled.ContainsKey(last));
        Assert.DoesNotContain(_handled, static each => each.Value > 1);
    }

    private async Task<IAsyncDisposable> ConsumeAsync(RabbitMqQueueBroker broker, int concurrency) => await broker.ConsumeAsync(
        new QueueSubscription(Queue) { Concurrency = concurrency },
        (delivery, _) =>
        {
            if (!_isHealed)
            {
                return ValueTask.FromResult(QueueVerdict.DeadLetter(Boom));
            }

            _handled.AddOrUpdate(delivery.MessageId, 1, static (_, count) => count + 1);
            return ValueTask.FromResult(QueueVerdict.Ack);
        },
        Cancel);
}
