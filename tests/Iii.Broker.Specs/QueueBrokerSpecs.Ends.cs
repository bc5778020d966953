using System.Text;
using Xunit;

namespace Iii.Broker.Specs;

public abstract partial class QueueBrokerSpecs
{
    /// <summary>A graceful end.</summary>
    [Fact]
    public async Task Disposing_a_consumer_twice_takes_nothing_more_and_carries_out_the_verdicts_of_what_runs()
    {
        var broker = await OpenAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<string>();
        var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (delivery, cancellationToken) =>
            {
                started.Add(Text(delivery.Payload));
                await gate.Task.WaitAsync(cancellationToken);
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1", "2");
        await started.WaitForAsync(1);

        var disposals = new[] { consumer.DisposeAsync().AsTask(), consumer.DisposeAsync().AsTask() };
        Assert.DoesNotContain(disposals, disposal => disposal.IsCompleted);
        gate.SetResult();
        await Eventually.CompletesAsync("dispose", Task.WhenAll(disposals));
        Assert.Equal(["1"], started.Items);

        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(broker, new QueueSubscription(_queue), deliveries);
        Assert.Equal("2", (await deliveries.WaitForAsync(1))[0].Text);
        Assert.Equal(["1"], started.Items);
    }

    /// <summary>All verdicts, not only the good ones.</summary>
    [Fact]
    public async Task A_retry_that_a_handler_asks_for_while_its_consumer_drains_is_carried_out()
    {
        var broker = await OpenAsync();
        var holder = new Holder { Verdict = QueueVerdict.RetryAfter(TimeSpan.Zero, Boom) };
        var consumer = await broker.ConsumeAsync(new QueueSubscription(_queue), holder.HandleAsync, Cancel);
        await EnqueueAsync(broker, "1");
        await holder.Started.WaitForAsync(1);
        var disposal = consumer.DisposeAsync().AsTask();
        holder.Release();
        await Eventually.CompletesAsync("dispose", disposal);
        Assert.Equal([new("1", 1)], holder.Started.Items);

        var deliveries = new Recorder<QueueDelivery>();
        await using var next = await ConsumeRawAsync(broker, "default", deliveries);
        var seen = (await deliveries.WaitForAsync(1))[0];
        Assert.Equal(2, seen.Attempt);
        Assert.Equal([Boom], seen.Failures.Select(failure => failure.Failure));
    }

    /// <summary>An impatient end.</summary>
    [Fact]
    public async Task A_handler_that_outlasts_the_draining_is_told_and_its_message_given_to_another()
    {
        var broker = await OpenAsync();
        var started = new Recorder<string>();
        var told = new Recorder<string>();
        var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue) { DrainTimeout = TimeSpan.FromMilliseconds(100), LeaseTime = TimeSpan.FromHours(1) },
            async (delivery, cancellationToken) =>
            {
                started.Add("started");
                var set = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                await using var registration = cancellationToken.Register(() => set.SetResult());
                await set.Task;
                told.Add("told");
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1");
        await started.WaitForAsync(1);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        await told.WaitForAsync(1);

        var failures = new Recorder<QueueDelivery>();
        await using var next = await ConsumeRawAsync(broker, "default", failures);
        var again = (await failures.WaitForAsync(1))[0];
        Assert.Equal(2, again.Attempt);
        Assert.Equal(AttemptFailure.ConsumerLost, again.Failures.Single().Failure.Code);
    }

    /// <summary>No patience at all.</summary>
    [Fact]
    public async Task With_no_time_to_drain_running_handlers_are_told_and_their_messages_given_to_another_at_once()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var holder = new Holder();
        var patient = new QueueSubscription(_queue) { LeaseTime = TimeSpan.FromHours(1) };
        var consumer = await first.ConsumeAsync(patient with { Concurrency = 2, DrainTimeout = TimeSpan.Zero }, holder.HandleAsync, Cancel);
        await EnqueueAsync(first, "1", "2", "3");
        await holder.Started.WaitForAsync(2);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        Assert.Equal(["1", "2"], (await TextsAsync(holder.Told, 2)).Order());

        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(second, patient, deliveries);
        Assert.Equal([new("1", 2), new("2", 2), new("3", 1)], (await deliveries.WaitForAsync(3)).OrderBy(seen => seen.Text));
    }

    /// <summary>A handler's callbacks are code of somebody else.</summary>
    [Fact]
    public async Task What_handlers_have_registered_on_their_tokens_may_throw()
    {
        var broker = await OpenAsync();
        var registered = new Recorder<string>();
        var told = new Recorder<string>();
        var subscription = new QueueSubscription(_queue) { LeaseTime = TimeSpan.FromHours(1) };
        var consumer = await broker.ConsumeAsync(
            subscription with { Concurrency = 2, DrainTimeout = TimeSpan.Zero },
            async (delivery, cancellationToken) =>
            {
                var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                await using var first = cancellationToken.Register(end.SetResult);
                await using var last = cancellationToken.Register(() => throw new InvalidOperationException("A callback."));
                var text = Encoding.UTF8.GetString(delivery.Payload.Span);
                registered.Add(text);
                await end.Task;
                told.Add(text);
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1", "2", "3");
        await registered.WaitForAsync(2);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        Assert.Equal(["1", "2"], (await told.WaitForAsync(2)).Order());

        var deliveries = new Recorder<Seen>();
        await using var next = await ConsumeAsync(broker, subscription, deliveries);
        Assert.Equal([new("1", 2), new("2", 2), new("3", 1)], (await deliveries.WaitForAsync(3)).OrderBy(seen => seen.Text));
    }

    /// <summary>One leaves, the others stay.</summary>
    [Fact]
    public async Task Disposing_one_consumer_leaves_its_group_to_the_others()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var (gone, here) = (new Recorder<Seen>(), new Recorder<Seen>());
        var leaving = await ConsumeAsync(first, new QueueSubscription(_queue), gone);
        await using var staying = await ConsumeAsync(second, new QueueSubscription(_queue), here);
        await leaving.DisposeAsync();
        await EnqueueAsync(first, "1", "2", "3");

        Assert.Equal(["1", "2", "3"], await TextsAsync(here, 3));
        Assert.Empty(gone.Items);
    }

    /// <summary>What a token is for.</summary>
    [Fact]
    public async Task The_token_of_subscribing_does_not_end_the_consuming()
    {
        var broker = await OpenAsync();
        using var token = new CancellationTokenSource();
        var deliveries = new Recorder<Seen>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            (delivery, cancellationToken) =>
            {
                deliveries.Add(Seen.In(delivery));
                return ValueTask.FromResult(cancellationToken.IsCancellationRequested ? QueueVerdict.RetryAfter(TimeSpan.Zero) : QueueVerdict.Ack);
            },
            token.Token);
        await token.CancelAsync();
        await EnqueueAsync(broker, "1", "2");

        Assert.Equal([new("1", 1), new("2", 1)], await deliveries.WaitForAsync(2));
    }

    /// <summary>Calls end by their token.</summary>
    [Fact]
    public async Task A_call_whose_token_is_set_is_cancelled_and_the_next_one_works()
    {
        var broker = await OpenAsync();
        var token = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await broker.EnqueueAsync(_queue, Message("1"), null, token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await broker.ConsumeAsync(new QueueSubscription(_queue), (_, _) => ValueTask.FromResult(QueueVerdict.Ack), token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await broker.RemoveGroupAsync(_queue, "default", token));

        var other = Unique("queue");
        await broker.EnqueueAsync(other, Message("2"), cancellationToken: Cancel);
        var deliveries = new Recorder<Seen>();
        await using var consumer = await ConsumeAsync(broker, new QueueSubscription(other), deliveries);
        Assert.Equal(["2"], await TextsAsync(deliveries, 1));
    }

    /// <summary>Closing an instance.</summary>
    [Fact]
    public async Task Disposing_the_broker_twice_drains_its_consumers_and_ends_its_use()
    {
        var broker = await OpenAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (started, ended) = (0, 0);
        await broker.ConsumeAsync(
            new QueueSubscription(_queue),
            async (_, _) =>
            {
                Interlocked.Increment(ref started);
                await gate.Task;
                Interlocked.Increment(ref ended);
                return QueueVerdict.Ack;
            },
            Cancel);
        await EnqueueAsync(broker, "1");
        await Eventually.HoldsAsync("the handler runs", () => Volatile.Read(ref started) == 1);

        var disposals = new[] { broker.DisposeAsync().AsTask(), broker.DisposeAsync().AsTask() };
        Assert.DoesNotContain(disposals, disposal => disposal.IsCompleted);
        gate.SetResult();
        await Eventually.CompletesAsync("dispose", Task.WhenAll(disposals));

        Assert.Equal(1, Volatile.Read(ref ended));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await broker.EnqueueAsync(_queue, Message("2"), null, Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await ConsumeAsync(broker, new QueueSubscription(_queue), new Recorder<Seen>()));
    }

    /// <summary>Closed is closed.</summary>
    [Fact]
    public async Task A_disposed_broker_answers_no_call_of_any_ability()
    {
        var broker = await OpenAsync();
        await broker.DisposeAsync();

        await ThrowsDisposedAsync(async () => await broker.RemoveGroupAsync(_queue, "default", Cancel));
        if (!Lacks(broker, BrokerFeatures.DeadLetters, out IDeadLetters? deadLetters))
        {
            await ThrowsDisposedAsync(async () => await deadLetters.ListAsync(_queue, "default", PageRequest.First, Cancel));
            await ThrowsDisposedAsync(async () => await deadLetters.RedriveAsync(_queue, "default", "id", Cancel));
            await ThrowsDisposedAsync(async () => await deadLetters.DiscardAsync(_queue, "default", "id", Cancel));
        }

        if (!Lacks(broker, BrokerFeatures.Inspection, out IQueueInspection? inspection))
        {
            await ThrowsDisposedAsync(async () => await inspection.GetStatsAsync(_queue, Cancel));
            await ThrowsDisposedAsync(async () => await inspection.ListQueuesAsync(PageRequest.First, Cancel));
        }

        if (!Lacks(broker, BrokerFeatures.Cancellation, out IMessageCancellation? cancellation))
        {
            await ThrowsDisposedAsync(async () => await cancellation.CancelAsync(_queue, "id", Cancel));
        }

        static Task ThrowsDisposedAsync(Func<Task> call) => Assert.ThrowsAsync<ObjectDisposedException>(call);
    }

    /// <summary>A lease is no limit to a handler.</summary>
    [Fact]
    public async Task A_handler_may_run_for_longer_than_the_lease_time()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var deliveries = new Recorder<int>();
        var subscription = new QueueSubscription(_queue) { LeaseTime = QueueSubscription.MinLeaseTime };
        async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken cancellationToken)
        {
            deliveries.Add(delivery.Attempt);
            await gate.Task.WaitAsync(cancellationToken);
            return QueueVerdict.Ack;
        }

        await using var one = await first.ConsumeAsync(subscription, HandleAsync, Cancel);
        await using var two = await second.ConsumeAsync(subscription, HandleAsync, Cancel);
        await EnqueueAsync(first, "1");
        await deliveries.WaitForAsync(1);

        await Eventually.KeepsHoldingAsync("one delivery", QueueSubscription.MinLeaseTime * 2.5, () => deliveries.Items.Count == 1);
        gate.SetResult();
    }
}
