using System.Collections.Concurrent;
using System.Text;
using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Memory;
using Iii.Broker.Specs;

namespace Iii.Adapters.RabbitMq.Tests;

/// <summary>Who holds delayed messages, what happens when that one goes, and how they are cancelled. A lead of one second makes steps of those beyond two.</summary>
public sealed class RabbitMqDelayTests(SharedServer shared) : QueueTests(shared)
{
    private const string Queue = "orders";

    [Theory]
    [InlineData(1_800)]
    [InlineData(4_500)]
    public async Task What_is_due_goes_on_with_another_instance_when_the_one_that_holds_it_is_cut_off(int milliseconds)
    {
        const int Messages = 300;
        var holding = await World.OpenAsync();
        var first = await OpenAsync(holding);
        var second = await OpenAsync();
        var seen = await RecordAsync(second);
        var receipts = await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => EnqueueAsync(first, $"{i}", milliseconds)));
        await Eventually.HoldsAsync("they are held", async () => await UnreadAsync() == 0);
        holding.Proxy.Cut();

        await Eventually.HoldsAsync($"all have come, but {seen.Count} have", () => seen.Count == Messages);
        Assert.Equal(Messages, receipts.Distinct().Count());
        Assert.All(seen, static each => Assert.Equal(1, each.Value));
    }

    [Fact]
    public async Task What_is_too_large_to_be_held_at_once_is_held_in_parts_and_comes()
    {
        const int Messages = 900;
        var broker = await OpenAsync(await World.OpenAsync(options => options with { MaxDelayedBytes = 100_000, DelayLead = TimeSpan.FromSeconds(8) }));
        var seen = await RecordAsync(broker);
        await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => EnqueueAsync(broker, $"{i}".PadRight(1_000), 6_000)));
        await Eventually.HoldsAsync("some are not held", async () => await UnreadAsync() > 100);
        Assert.Empty(seen);

        await Eventually.HoldsAsync($"all have come, but {seen.Count} have", () => seen.Count == Messages);
        Assert.All(seen, static each => Assert.Equal(1, each.Value));
    }

    [Fact]
    public async Task What_is_due_for_a_group_that_is_full_waits_until_there_is_room_and_holds_nothing_up()
    {
        var broker = await OpenAsync(await World.OpenAsync(options => options with { Limits = new BrokerLimits { MaxQueueLength = 5 } }));
        await (await broker.ConsumeAsync(new QueueSubscription(Queue), Record([]), Cancel)).DisposeAsync();
        var filling = 0;
        await Eventually.HoldsAsync("the group is full", async () => !await TryEnqueueAsync(broker, $"filling {filling++}"));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => EnqueueAsync(broker, $"delayed {i}", 100)));
        await Eventually.HoldsAsync("some went back", async () => await CountAsync($"iii.step.{Cluster}.00") > 0);
        var other = new ConcurrentDictionary<string, int>();
        await broker.ConsumeAsync(new QueueSubscription("other"), Record(other), Cancel);
        await broker.EnqueueAsync("other", Message("other"), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(200) }, Cancel);
        await Eventually.HoldsAsync("the other has come", () => other.Count == 1);

        var seen = await RecordAsync(broker);
        await Eventually.HoldsAsync("all have come", () => seen.Keys.Count(static text => text.StartsWith("delayed", StringComparison.Ordinal)) == 20);
    }

    [Fact]
    public async Task A_group_that_is_full_does_not_give_the_others_again_what_was_enqueued_before_there_was_any()
    {
        var broker = await OpenAsync(await World.OpenAsync(options => options with { Limits = new BrokerLimits { MaxQueueLength = 5 } }));
        await EnqueueAsync(broker, "delayed", 6_000);
        var full = new QueueSubscription(Queue) { Group = "full" };
        await (await broker.ConsumeAsync(full, Record([]), Cancel)).DisposeAsync();
        var filling = 0;
        await Eventually.HoldsAsync("a group is full", async () => !await TryEnqueueAsync(broker, $"filling {filling++}"));
        var seen = await RecordAsync(broker);

        await Eventually.HoldsAsync("it has come to the other group", () => seen.ContainsKey("delayed"));
        await Eventually.HoldsAsync("it was refused more than once", async () => await CountAsync($"iii.step.{Cluster}.01") > 0);
        var later = new ConcurrentDictionary<string, int>();
        await broker.ConsumeAsync(full, Record(later), Cancel);
        await Eventually.HoldsAsync("it has come to both", () => later.ContainsKey("delayed"));
        Assert.Equal((1, 1), (seen["delayed"], later["delayed"]));
    }

    [Fact]
    public async Task A_message_far_from_its_time_is_cancelled_by_word_that_is_left_for_it()
    {
        var broker = await OpenAsync();
        var seen = await RecordAsync(broker);
        var taken = await EnqueueAsync(broker, "taken", 4_000);
        await EnqueueAsync(broker, "kept", 4_500);
        Assert.True(await broker.CancelAsync(Queue, taken, Cancel));

        await Eventually.HoldsAsync("the other has come", () => !seen.IsEmpty);
        Assert.Equal(["kept"], seen.Keys);
    }

    [Fact]
    public async Task What_is_cancelled_stays_so_when_the_instance_that_held_it_is_cut_off()
    {
        var holding = await World.OpenAsync();
        var first = await OpenAsync(holding);
        var second = await OpenAsync();
        var seen = await RecordAsync(second);
        var taken = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => EnqueueAsync(first, $"taken {i}", i % 2 == 0 ? 1_900 : 3_800)));
        var kept = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => EnqueueAsync(first, $"kept {i}", i % 2 == 0 ? 1_990 : 3_990)));
        Assert.All(await Task.WhenAll(taken.Select(id => second.CancelAsync(Queue, id, Cancel).AsTask())), Assert.True);
        holding.Proxy.Cut();

        await Eventually.HoldsAsync("all others have come", () => seen.Count >= kept.Length);
        Assert.All(seen.Keys, static text => Assert.StartsWith("kept", text));
    }

    /// <summary>The first is held, with its cancellation, when the connection is lost; the other comes to its end meanwhile, and nobody has read it before.</summary>
    [Theory]
    [InlineData(1_500)]
    [InlineData(4_000)]
    public async Task What_is_cancelled_stays_so_when_nobody_can_reach_the_broker_at_the_time_when_it_is_due(int milliseconds)
    {
        const int Messages = 20;
        var instance = await World.OpenAsync();
        var broker = await OpenAsync(instance);
        var seen = await RecordAsync(broker);
        var taken = await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => EnqueueAsync(broker, $"taken {i}", milliseconds)));
        await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => EnqueueAsync(broker, $"kept {i}", milliseconds + 100)));
        Assert.All(await Task.WhenAll(taken.Select(id => broker.CancelAsync(Queue, id, Cancel).AsTask())), Assert.True);
        instance.Proxy.Cut();

        // When this has come, which nobody cuts off, all are due.
        await using var witness = new MemoryQueueBroker(new MemoryWorld());
        var witnessed = await RecordAsync(witness);
        await EnqueueAsync(witness, "due", milliseconds + 200);
        await Eventually.HoldsAsync("all are due", () => !witnessed.IsEmpty);
        Assert.Empty(seen);
        instance.Proxy.Restore();

        await Eventually.HoldsAsync("it is connected", () => broker.IsConnected);
        await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => EnqueueAsync(broker, $"kept, late {i}", 500)));
        await Eventually.HoldsAsync("all others have come", () => seen.Count >= 2 * Messages);
        Assert.All(seen.Keys, static text => Assert.StartsWith("kept", text));
    }

    [Fact]
    public async Task Whether_a_message_is_cancelled_is_not_known_when_nobody_answers()
    {
        var broker = await OpenAsync(await World.OpenAsync(options => options with { OperationTimeout = TimeSpan.FromSeconds(3), DelayLead = TimeSpan.FromMinutes(1) }));
        var id = await EnqueueAsync(broker, "1", 60_000);
        await using var raw = await OpenRawAsync();
        await using var channel = await raw.CreateChannelAsync(cancellationToken: Cancel);
        var binding = new Dictionary<string, object?> { ["x-match"] = "all", ["iii-first-step"] = -1 };
        await channel.ExchangeUnbindAsync($"iii.near.{Cluster}", $"iii.delay.{Cluster}", "", binding, cancellationToken: Cancel);

        var error = await Assert.ThrowsAsync<BrokerException>(async () => await broker.CancelAsync(Queue, id, Cancel));
        Assert.Equal(BrokerErrorCodes.BrokerUnavailable, error.Code);
    }

    private static QueueMessage Message(string text) => new(Encoding.UTF8.GetBytes(text));

    private static async Task<string> EnqueueAsync(IQueueBroker broker, string text, int milliseconds) =>
        (await broker.EnqueueAsync(Queue, Message(text), new EnqueueOptions { Delay = TimeSpan.FromMilliseconds(milliseconds) }, Cancel)).MessageId;

    private static async Task<bool> TryEnqueueAsync(RabbitMqQueueBroker broker, string text)
    {
        try
        {
            await broker.EnqueueAsync(Queue, Message(text), cancellationToken: Cancel);
            return true;
        }
        catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.LimitExceeded)
        {
            return false;
        }
    }

    private static QueueHandler Record(ConcurrentDictionary<string, int> seen) => (delivery, _) =>
    {
        seen.AddOrUpdate(Encoding.UTF8.GetString(delivery.Payload.Span), 1, static (_, count) => count + 1);
        return ValueTask.FromResult(QueueVerdict.Ack);
    };

    private static async Task<ConcurrentDictionary<string, int>> RecordAsync(IQueueBroker broker)
    {
        var seen = new ConcurrentDictionary<string, int>();
        await broker.ConsumeAsync(new QueueSubscription(Queue) { Concurrency = 16 }, Record(seen), Cancel);
        return seen;
    }

    /// <summary>What is due soon and nobody holds.</summary>
    private async Task<uint> UnreadAsync() => await CountAsync($"iii.near.{Cluster}.0") + await CountAsync($"iii.near.{Cluster}.1");
}
