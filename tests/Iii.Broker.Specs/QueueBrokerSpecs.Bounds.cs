using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>The length of a queue is bounded.</summary>
    [Fact]
    public async Task A_full_queue_refuses_messages_until_it_has_room_and_others_are_not_full()
    {
        var broker = await OpenAsync();
        var accepted = await FillAsync(broker);
        await broker.EnqueueAsync(Unique("queue"), Message("x"), cancellationToken: Cancel);

        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue) { Concurrency = 8 }, deliveries);
        await deliveries.WaitForAsync(accepted);
        await SoonHasRoomAsync(() => EnqueueAsync(broker, "again"));
        Assert.Equal("again", (await deliveries.WaitForAsync(accepted + 1))[accepted].Text);
    }

    /// <summary>The fullest group counts.</summary>
    [Fact]
    public async Task A_queue_is_full_when_one_of_its_groups_is_and_has_room_when_that_one_is_removed()
    {
        var broker = await OpenAsync();
        if (await RefusesGroupsAsync(broker))
        {
            return;
        }

        await (await ConsumeRawAsync(broker, "away", new Recorder<QueueDelivery>())).DisposeAsync();
        var deliveries = new Recorder<QueueDelivery>();
        await using var consumer = await ConsumeRawAsync(broker, "here", deliveries);
        var accepted = await FillAsync(broker);
        await deliveries.WaitForAsync(accepted);

        await RefusesAsync(BrokerErrorCodes.LimitExceeded, () => EnqueueAsync(broker, "refused"));
        Assert.True(await broker.RemoveGroupAsync(_queue, "away", Cancel));
        await SoonHasRoomAsync(() => EnqueueAsync(broker, "room"));
        await Eventually.HoldsAsync("it comes", () => deliveries.Items.Any(delivery => Text(delivery.Payload) == "room"));
    }

    /// <summary>The size of a message is bounded.</summary>
    [Fact]
    public async Task A_message_of_the_largest_size_arrives_and_larger_ones_are_refused()
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        await broker.EnqueueAsync(_queue, new QueueMessage(new byte[broker.Limits.MaxMessageBytes]), cancellationToken: Cancel);
        Assert.Equal(broker.Limits.MaxMessageBytes, (await deliveries.WaitForAsync(1))[0].Text.Length);

        QueueMessage[] tooLarge =
        [
            new(new byte[broker.Limits.MaxMessageBytes + 1]),
            Message("x") with { Headers = new Dictionary<string, string> { ["k"] = new('v', BrokerLimits.MaxHeaderBytes) } },
            Message("x") with { Headers = Enumerable.Range(0, BrokerLimits.MaxHeaders + 1).ToDictionary(i => $"k{i}", i => "v") },
        ];
        foreach (var message in tooLarge)
        {
            await RefusesAsync(BrokerErrorCodes.LimitExceeded, async () => await broker.EnqueueAsync(_queue, message, null, Cancel));
        }
    }

    /// <summary>The naming rules.</summary>
    [Theory]
    [ClassData(typeof(InvalidNames))]
    public async Task A_queue_or_group_that_has_no_name_is_refused(string name)
    {
        var broker = await OpenAsync();
        var deliveries = new Recorder<Seen>();
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await broker.EnqueueAsync(name, Message("x"), null, Cancel));
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await ConsumeAsync(broker, new QueueSubscription(name), deliveries));
        await RefusesAsync(
            BrokerErrorCodes.InvalidName, async () => await ConsumeAsync(broker, new QueueSubscription(_queue) { Group = name }, deliveries));
    }

    /// <summary>Headers have names.</summary>
    [Theory]
    [ClassData(typeof(InvalidNames))]
    public async Task A_header_that_has_no_name_is_refused(string name)
    {
        var broker = await OpenAsync();
        var message = Message("x") with { Headers = new Dictionary<string, string> { [name] = "v" } };

        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await broker.EnqueueAsync(_queue, message, null, Cancel));
    }

    /// <summary>Mistakes of a program are no expected failures.</summary>
    [Fact]
    public async Task Numbers_outside_their_range_are_programming_errors()
    {
        var broker = await OpenAsync();
        var subscription = new QueueSubscription(_queue);
        QueueSubscription[] subscriptions =
        [
            subscription with { Concurrency = 0 },
            subscription with { Concurrency = BrokerLimits.MaxConcurrency + 1 },
            subscription with { LeaseTime = QueueSubscription.MinLeaseTime / 2 },
            subscription with { LeaseTime = QueueSubscription.MaxLeaseTime * 2 },
            subscription with { DrainTimeout = TimeSpan.FromTicks(-1) },
            subscription with { DrainTimeout = QueueSubscription.MaxDrainTimeout + TimeSpan.FromTicks(1) },
        ];
        EnqueueOptions[] wishes = [new() { Delay = TimeSpan.FromTicks(-1) }, new() { Priority = -1 }, new() { Priority = BrokerLimits.MaxPriority + 1 }];

        foreach (var wrong in subscriptions)
        {
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await ConsumeAsync(broker, wrong, new Recorder<Seen>()));
        }

        foreach (var wrong in wishes)
        {
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await broker.EnqueueAsync(_queue, Message("x"), wrong, Cancel));
        }
    }

    /// <summary>The number of queues is bounded.</summary>
    [Fact]
    public async Task A_queue_too_many_is_refused_and_those_that_exist_go_on()
    {
        var broker = (await OpenSubjectAsync(SmallLimits with { MaxNames = 10 })).Seam;
        for (var i = 0; i < broker.Limits.MaxNames; i++)
        {
            await broker.EnqueueAsync($"{_queue}{i}", Message("x"), cancellationToken: Cancel);
        }

        await RefusesAsync(BrokerErrorCodes.LimitExceeded, async () => await broker.EnqueueAsync(_queue, Message("x"), null, Cancel));
        await RefusesAsync(
            BrokerErrorCodes.LimitExceeded, async () => await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>()));
        await broker.EnqueueAsync($"{_queue}0", Message("x"), cancellationToken: Cancel);
    }

    /// <summary>Enqueues until the queue is full, and says how many it took.</summary>
    private async Task<int> FillAsync(IQueueBroker broker)
    {
        for (var accepted = 0; accepted < broker.Limits.MaxQueueLength * 3; accepted++)
        {
            try
            {
                await EnqueueAsync(broker, $"{accepted}");
            }
            catch (BrokerException exception)
            {
                Assert.Equal(BrokerErrorCodes.LimitExceeded, exception.Code);
                Assert.True(accepted >= broker.Limits.MaxQueueLength, $"It was full with {accepted}.");
                return accepted;
            }
        }

        Assert.Fail("It was never full.");
        return 0;
    }

    private static Task SoonHasRoomAsync(Func<Task> enqueue) =>
        Eventually.HoldsAsync("there is room", async () =>
        {
            try
            {
                await enqueue();
                return true;
            }
            catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.LimitExceeded)
            {
                return false;
            }
        });
}
