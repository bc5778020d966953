using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>Handled or not.</summary>
    [Fact]
    public async Task A_duplicate_within_its_window_is_not_stored_and_gets_the_first_receipt()
    {
        var broker = await OpenAsync();
        if (await RefusesDeduplicationAsync(broker))
        {
            return;
        }

        var once = new EnqueueOptions { DeduplicationKey = "order 7" };
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        var first = await broker.EnqueueAsync(_queue, Message("1"), once, Cancel);
        await deliveries.WaitForAsync(1);
        var second = await broker.EnqueueAsync(_queue, Message("2"), once, Cancel);
        await EnqueueAsync(broker, "3");

        Assert.Equal(first with { IsDuplicate = true }, second);
        Assert.Equal(["1", "3"], await TextsAsync(deliveries, 2));
    }

    /// <summary>The window ends.</summary>
    [Fact]
    public async Task A_deduplication_key_is_free_again_when_its_window_has_passed()
    {
        var broker = await OpenAsync();
        if (await RefusesDeduplicationAsync(broker))
        {
            return;
        }

        var once = new EnqueueOptions { DeduplicationKey = "order 7", DeduplicationWindow = EnqueueOptions.MinDeduplicationWindow };
        var start = TimeProvider.System.GetTimestamp();
        var first = await broker.EnqueueAsync(_queue, Message("1"), once, Cancel);
        EnqueueReceipt? next = null;
        await Eventually.HoldsAsync(
            "the key is free", async () => !(next = await broker.EnqueueAsync(_queue, Message("2"), once, Cancel)).IsDuplicate);

        Assert.True(TimeProvider.System.GetElapsedTime(start) > EnqueueOptions.MinDeduplicationWindow - ClockTolerance);
        Assert.NotEqual(first.MessageId, next!.MessageId);
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        Assert.Equal(["1", "2"], await TextsAsync(deliveries, 2));
    }

    /// <summary>Keys are the queue's.</summary>
    [Fact]
    public async Task A_deduplication_key_counts_for_its_own_queue_and_exactly_as_it_is_written()
    {
        var broker = await OpenAsync();
        if (await RefusesDeduplicationAsync(broker))
        {
            return;
        }

        (string Queue, string Key)[] addresses =
            [(_queue, "a"), (_queue, "A"), (_queue, "a "), (_queue, "é"), (_queue, "e\u0301"), (_queue, new('k', BrokerLimits.MaxKeyBytes)), (Unique("queue"), "a")];
        foreach (var (queue, key) in addresses)
        {
            var once = new EnqueueOptions { DeduplicationKey = key };
            Assert.False((await broker.EnqueueAsync(queue, Message("1"), once, Cancel)).IsDuplicate);
            Assert.True((await broker.EnqueueAsync(queue, Message("2"), once, Cancel)).IsDuplicate);
        }
    }

    /// <summary>One wins.</summary>
    [Fact]
    public async Task Of_many_that_race_with_one_deduplication_key_on_any_instance_one_is_stored()
    {
        var first = await OpenAsync();
        if (await RefusesDeduplicationAsync(first))
        {
            return;
        }

        var second = await OpenSecondAsync(first) ?? first;
        var once = new EnqueueOptions { DeduplicationKey = "order 7" };
        var receipts = await Task.WhenAll(Enumerable.Range(0, 16).Select(
            i => Task.Run(async () => await (i % 2 == 0 ? first : second).EnqueueAsync(_queue, Message("once"), once, Cancel))));
        await EnqueueAsync(first, "end");
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(first, new QueueSubscription(_queue), deliveries);

        Assert.Single(receipts, receipt => !receipt.IsDuplicate);
        Assert.Single(receipts.Select(receipt => receipt.MessageId).Distinct());
        Assert.Equal(["once", "end"], await TextsAsync(deliveries, 2));
    }

    /// <summary>The bounds.</summary>
    [Fact]
    public async Task A_deduplication_window_or_key_beyond_its_bounds_is_refused()
    {
        var broker = await OpenAsync();
        if (await RefusesDeduplicationAsync(broker))
        {
            return;
        }

        var longest = new EnqueueOptions { DeduplicationKey = "k", DeduplicationWindow = broker.Limits.MaxDeduplicationWindow };
        Assert.False((await broker.EnqueueAsync(_queue, Message("x"), longest, Cancel)).IsDuplicate);
        await RefusesAsync(BrokerErrorCodes.LimitExceeded, () => TryAsync(longest with { DeduplicationWindow = longest.DeduplicationWindow * 2 }));
        await RefusesAsync(BrokerErrorCodes.InvalidName, () => TryAsync(longest with { DeduplicationKey = "" }));
        await RefusesAsync(BrokerErrorCodes.InvalidName, () => TryAsync(longest with { DeduplicationKey = new('k', BrokerLimits.MaxKeyBytes + 1) }));

        async Task TryAsync(EnqueueOptions options) => await broker.EnqueueAsync(_queue, Message("x"), options, Cancel);
    }

    /// <summary>What is refused was never there.</summary>
    [Fact]
    public async Task A_message_that_was_refused_is_no_duplicate_when_it_comes_again()
    {
        var broker = await OpenAsync();
        if (await RefusesDeduplicationAsync(broker))
        {
            return;
        }

        await FillAsync(broker);
        var once = new EnqueueOptions { DeduplicationKey = "order 7" };
        await RefusesAsync(BrokerErrorCodes.LimitExceeded, async () => await broker.EnqueueAsync(_queue, Message("again"), once, Cancel));
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue) { Concurrency = 8 }, new Recorder<Seen>());

        EnqueueReceipt? receipt = null;
        await SoonHasRoomAsync(async () => receipt = await broker.EnqueueAsync(_queue, Message("again"), once, Cancel));
        Assert.False(receipt!.IsDuplicate);
    }
}
