using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>Counts.</summary>
    [Fact]
    public async Task Inspection_counts_every_message_of_a_queue_in_one_place()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.Inspection, out IQueueInspection? inspection))
        {
            return;
        }

        Assert.Null(await inspection.GetStatsAsync(_queue, Cancel));
        await EnqueueAsync(broker, "dead", "retry", "hold", "wait");
        Assert.Equal(4, (await inspection.GetStatsAsync(_queue, Cancel))!.Unbound);
        Assert.Contains(_queue, (await inspection.ListQueuesAsync(new PageRequest { Limit = BrokerLimits.MaxPageSize }, Cancel)).Items);

        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (delivery, _) =>
            {
                switch (Text(delivery.Payload))
                {
                    case "dead":
                        return QueueVerdict.DeadLetter(Boom);
                    case "retry" when delivery.Attempt == 1:
                        return QueueVerdict.RetryAfter(TimeSpan.FromHours(1));
                    default:
                        await gate.Task;
                        return QueueVerdict.Ack;
                }
            },
            Cancel);

        var expected = new GroupStats("default") { Waiting = 1, Delayed = 1, Delivering = 1, Dead = 1, Consumers = 1 };
        await Eventually.HoldsAsync("each place has one", async () =>
            await inspection.GetStatsAsync(_queue, Cancel) is { Unbound: 0, Groups: [var group] } && group == expected);
        gate.SetResult();
        await Eventually.HoldsAsync("two are done", async () =>
            await inspection.GetStatsAsync(_queue, Cancel) is { Groups: [var group] } && group == expected with { Waiting = 0, Delivering = 0 });
    }

    /// <summary>Held back is waiting, not delayed.</summary>
    [Fact]
    public async Task In_order_messages_behind_another_one_of_their_key_count_as_waiting()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.Inspection, out IQueueInspection? inspection) || await RefusesOrderingAsync(broker))
        {
            return;
        }

        var holder = new Holder();
        await using var consumer = await broker.ConsumeAsync(Ordered with { Concurrency = 4 }, holder.HandleAsync, Cancel);
        await EnqueueKeyedAsync(broker, "a1", "a2", "a3", "b1");
        await holder.Started.WaitForAsync(2);

        var expected = new GroupStats("default") { Waiting = 2, Delivering = 2, Consumers = 1 };
        await Eventually.HoldsAsync("two wait and two are handled", async () =>
            await inspection.GetStatsAsync(_queue, Cancel) is { Groups: [var group] } && group == expected);
        holder.Release();
    }

    /// <summary>Who is there.</summary>
    [Fact]
    public async Task Groups_are_listed_in_order_with_their_consumers_on_all_instances()
    {
        var first = await OpenAsync();
        if (Lacks(first, BrokerFeatures.Inspection, out IQueueInspection? inspection) || await RefusesGroupsAsync(first))
        {
            return;
        }

        var second = await OpenSecondAsync(first) ?? first;
        var consumers = new List<IAsyncDisposable>();
        foreach (var (broker, group) in ((IQueueBroker, string)[])[(first, "😀"), (first, "b"), (second, "b"), (second, "\uffee"), (first, "a")])
        {
            consumers.Add(await ConsumeRawAsync(broker, group, new Recorder<QueueDelivery>()));
        }

        Assert.Equal([("a", 1), ("b", 2), ("\uffee", 1), ("😀", 1)], await CountAsync());
        foreach (var consumer in consumers)
        {
            await consumer.DisposeAsync();
        }

        Assert.Equal([("a", 0), ("b", 0), ("\uffee", 0), ("😀", 0)], await CountAsync());

        async Task<IEnumerable<(string, int)>> CountAsync() =>
            (await inspection.GetStatsAsync(_queue, Cancel))!.Groups.Select(group => (group.Group, group.Consumers));
    }

    /// <summary>What there is.</summary>
    [Fact]
    public async Task Queues_are_listed_in_order_page_by_page()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.Inspection, out IQueueInspection? inspection))
        {
            return;
        }

        string[] queues = [" ", "A", "a", "a.b", "b", "é", "日本", "\uffee", "😀"];
        foreach (var queue in queues.Reverse())
        {
            await broker.EnqueueAsync(queue, Message("x"), cancellationToken: Cancel);
        }

        var found = new List<string>();
        for (var page = new PageRequest { Limit = 4 }; ;)
        {
            var part = await inspection.ListQueuesAsync(page, Cancel);
            Assert.True(part.Items.Count <= 4);
            found.AddRange(part.Items);
            if (part.Next is null)
            {
                break;
            }

            page = page with { After = part.Next };
        }

        Assert.Equal(queues, found);
    }

    /// <summary>No trace of what was refused.</summary>
    [Fact]
    public async Task A_refused_message_leaves_no_queue_behind()
    {
        var broker = await OpenAsync();
        if (Lacks(broker, BrokerFeatures.Inspection, out IQueueInspection? inspection))
        {
            return;
        }

        await RefusesAsync(
            BrokerErrorCodes.LimitExceeded,
            async () => await broker.EnqueueAsync(_queue, new QueueMessage(new byte[broker.Limits.MaxMessageBytes + 1]), null, Cancel));

        Assert.Null(await inspection.GetStatsAsync(_queue, Cancel));
        Assert.Empty((await inspection.ListQueuesAsync(PageRequest.First, Cancel)).Items);
    }
}
