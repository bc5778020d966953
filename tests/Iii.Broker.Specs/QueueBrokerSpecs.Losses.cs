using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>A crash of an instance.</summary>
    [Fact]
    public async Task A_message_of_an_instance_that_is_cut_off_is_delivered_to_another_as_the_next_attempt()
    {
        var first = await OpenSubjectAsync();
        if (await DiesWithItsInstanceAsync(first.Seam))
        {
            return;
        }

        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<int>();
        var subscription = new QueueSubscription(_queue) { LeaseTime = QueueSubscription.MinLeaseTime, DrainTimeout = TimeSpan.Zero };
        var consumer = await first.Seam.ConsumeAsync(
            subscription,
            async (delivery, _) =>
            {
                started.Add(delivery.Attempt);
                await gate.Task;
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(first.Seam, "1", "2");
        await started.WaitForAsync(1);
        await first.CutOffAsync();

        var second = await OpenAsync();
        var deliveries = new Recorder<QueueDelivery>();
        await using var next = await ConsumeRawAsync(second, "default", deliveries);
        var seen = (await deliveries.WaitForAsync(2)).OrderBy(delivery => delivery.Attempt).ToList();
        Assert.Equal([("2", 1), ("1", 2)], seen.Select(delivery => (Text(delivery.Payload), delivery.Attempt)));
        Assert.Equal([AttemptFailure.ConsumerLost], seen[1].Failures.Select(failure => failure.Failure.Code));
        gate.SetResult();
        await Eventually.CompletesAsync("dispose of the lost consumer", consumer.DisposeAsync().AsTask());
    }

    /// <summary>The word of a receipt.</summary>
    [Fact]
    public async Task A_receipt_is_kept_by_durable_adapters_when_the_instance_is_cut_off()
    {
        var first = await OpenSubjectAsync();
        var receipt = await first.Seam.EnqueueAsync(_queue, Message("1"), cancellationToken: Cancel);

        await first.CutOffAsync();

        await SoonRefusesAsync(
            BrokerErrorCodes.BrokerUnavailable, async () => await first.Seam.EnqueueAsync(_queue, Message("2"), cancellationToken: Cancel));
        if ((first.Seam.Features & (BrokerFeatures.Shared | BrokerFeatures.Durable)) != 0)
        {
            var deliveries = new Recorder<QueueDelivery>();
            await using var next = await ConsumeRawAsync(await OpenAsync(), "default", deliveries);
            Assert.Equal(receipt.MessageId, (await deliveries.WaitForAsync(1))[0].MessageId);
        }
    }

    /// <summary>Losing is noticed.</summary>
    [Fact]
    public async Task A_handler_of_an_instance_that_is_cut_off_is_told()
    {
        var subject = await OpenSubjectAsync();
        var holder = new Holder();
        var subscription = new QueueSubscription(_queue) { LeaseTime = QueueSubscription.MinLeaseTime, DrainTimeout = TimeSpan.Zero };
        await subject.Seam.ConsumeAsync(subscription, holder.HandleAsync, Cancel);
        await EnqueueAsync(subject.Seam, "1");
        await holder.Started.WaitForAsync(1);

        await subject.CutOffAsync();

        Assert.Equal([new("1", 1)], await holder.Told.WaitForAsync(1));
    }

    /// <summary>No answer is an error.</summary>
    [Fact]
    public async Task An_instance_that_is_cut_off_refuses_what_needs_its_broker()
    {
        var subject = await OpenSubjectAsync();
        await subject.CutOffAsync();

        await SoonRefusesAsync(BrokerErrorCodes.BrokerUnavailable, () => EnqueueAsync(subject.Seam, "1"));
        await SoonRefusesAsync(
            BrokerErrorCodes.BrokerUnavailable, async () => await ConsumeAsync(subject.Seam, new QueueSubscription(_queue), new Recorder<Seen>()));
        await SoonRefusesAsync(
            BrokerErrorCodes.BrokerUnavailable, async () => await subject.Seam.RemoveGroupAsync(_queue, "default", Cancel));
    }

    /// <summary>Those who can tell do.</summary>
    [Fact]
    public async Task An_adapter_that_tells_of_its_connection_says_when_it_is_gone()
    {
        var subject = await OpenSubjectAsync();
        var changes = new Recorder<bool>();
        if (subject.Seam is IBrokerConnection connection)
        {
            Assert.True(connection.IsConnected);
            connection.ConnectionChanged += () => changes.Add(connection.IsConnected);
        }

        await subject.CutOffAsync();
        await SoonRefusesAsync(BrokerErrorCodes.BrokerUnavailable, () => EnqueueAsync(subject.Seam, "1"));
        if (subject.Seam is IBrokerConnection lost)
        {
            await Eventually.HoldsAsync("the connection is gone", () => !lost.IsConnected);
            Assert.False((await changes.WaitForAsync(1))[0]);
        }
    }

    /// <summary>A retry is kept.</summary>
    [Fact]
    public async Task A_message_that_waits_for_its_next_attempt_outlives_its_instance()
    {
        var first = await OpenSubjectAsync();
        if (await DiesWithItsInstanceAsync(first.Seam))
        {
            return;
        }

        var (mine, theirs) = (new Recorder<QueueDelivery>(), new Recorder<QueueDelivery>());
        var consumer = await ConsumeRawAsync(first.Seam, "default", mine, _ => QueueVerdict.RetryAfter(TimeSpan.FromSeconds(1), Boom));
        await EnqueueAsync(first.Seam, "1");
        await mine.WaitForAsync(1);
        await consumer.DisposeAsync();
        await first.CutOffAsync();
        await using var next = await ConsumeRawAsync(await OpenAsync(), "default", theirs);

        var seen = (await theirs.WaitForAsync(1))[0];
        Assert.Equal(2, seen.Attempt);
        Assert.Equal([Boom], seen.Failures.Select(failure => failure.Failure));
    }

    /// <summary>A delay is kept.</summary>
    [Fact]
    public async Task A_delayed_message_outlives_the_instance_that_took_it()
    {
        var first = await OpenSubjectAsync();
        if (await RefusesDelayAsync(first.Seam) || await DiesWithItsInstanceAsync(first.Seam))
        {
            return;
        }

        await EnqueueDelayedAsync(first.Seam, "late", 1_000);
        await EnqueueAsync(first.Seam, "now");
        await first.CutOffAsync();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(await OpenAsync(), new QueueSubscription(_queue), deliveries);

        Assert.Equal(["now", "late"], await TextsAsync(deliveries, 2));
    }

    /// <summary>Dead letters are kept.</summary>
    [Fact]
    public async Task Dead_letters_outlive_the_instance_that_made_them()
    {
        var first = await OpenSubjectAsync();
        if (Lacks(first.Seam, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters) || await DiesWithItsInstanceAsync(first.Seam))
        {
            return;
        }

        var consumer = await ConsumeAsync(first.Seam, new QueueSubscription(_queue), new Recorder<Seen>(), _ => QueueVerdict.DeadLetter(Boom));
        await EnqueueAsync(first.Seam, "1");
        var dead = (await WaitForDeadAsync(deadLetters, 1))[0];
        await consumer.DisposeAsync();
        await first.CutOffAsync();
        var second = await OpenAsync();
        var found = (await WaitForDeadAsync((IDeadLetters)second, 1))[0];
        Assert.Equal((dead.MessageId, dead.EnqueuedAt, dead.DeadAt, Boom), (found.MessageId, found.EnqueuedAt, found.DeadAt, found.Reason));
        Assert.True(await ((IDeadLetters)second).RedriveAsync(_queue, "default", dead.MessageId, Cancel));
        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(second, new QueueSubscription(_queue), deliveries);

        Assert.Equal([new("1", 1)], await deliveries.WaitForAsync(1));
    }

    /// <summary>A group is bound for good.</summary>
    [Fact]
    public async Task A_group_stays_bound_when_the_instance_that_bound_it_is_cut_off()
    {
        var first = await OpenSubjectAsync();
        if (await RefusesGroupsAsync(first.Seam) || await DiesWithItsInstanceAsync(first.Seam))
        {
            return;
        }

        var deliveries = new Recorder<QueueDelivery>();
        await (await ConsumeRawAsync(first.Seam, "a", deliveries)).DisposeAsync();
        await (await ConsumeRawAsync(first.Seam, "b", deliveries)).DisposeAsync();
        await first.CutOffAsync();
        var second = await OpenAsync();
        await EnqueueAsync(second, "1");
        await using var a = await ConsumeRawAsync(second, "a", deliveries);
        await using var b = await ConsumeRawAsync(second, "b", deliveries);

        Assert.Equal(["a", "b"], (await deliveries.WaitForAsync(2)).Select(delivery => delivery.Group).Order());
    }

    /// <summary>A line survives a crash.</summary>
    [Fact]
    public async Task In_order_the_line_of_an_instance_that_is_cut_off_goes_on_where_it_was()
    {
        var first = await OpenSubjectAsync();
        if (await RefusesOrderingAsync(first.Seam) || await DiesWithItsInstanceAsync(first.Seam))
        {
            return;
        }

        var holder = new Holder();
        var subscription = Ordered with { Concurrency = 3, LeaseTime = QueueSubscription.MinLeaseTime, DrainTimeout = TimeSpan.Zero };
        await first.Seam.ConsumeAsync(subscription, holder.HandleAsync, Cancel);
        await EnqueueKeyedAsync(first.Seam, "a1", "a2", "b1", "a3", "b2");
        await holder.Started.WaitForAsync(2);
        await first.CutOffAsync();
        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(await OpenAsync(), subscription, deliveries);

        var seen = await deliveries.WaitForAsync(5);
        Assert.Equal([new("a1", 2), new("a2", 1), new("a3", 1)], seen.Where(each => each.Text[0] == 'a'));
        Assert.Equal([new("b1", 2), new("b2", 1)], seen.Where(each => each.Text[0] == 'b'));
    }
}
