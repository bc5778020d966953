using System.Collections.Concurrent;
using Iii.Broker.Specs;

namespace Iii.Broker.Tests.Queues;

/// <summary>What a store may do to it. Its part of the contract is tested by the suite, with the adapter of the examples.</summary>
public sealed class PollingConsumerTests
{
    private readonly ConcurrentQueue<FakeMessage> _due = new();
    private readonly Recorder<Exception> _failures = new();
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;

    [Fact]
    public async Task A_store_that_cannot_be_looked_into_is_tried_again()
    {
        var isAway = true;
        var message = new FakeMessage();
        await using var consumer = Start(
            Acknowledge,
            () => Volatile.Read(ref isAway) ? throw new IOException("Nobody is there.") : new(_due.TryDequeue(out var next) ? next : null));
        _due.Enqueue(message);
        Assert.All(await _failures.WaitForAsync(2), static failure => Assert.IsType<IOException>(failure));
        Volatile.Write(ref isAway, false);
        Assert.Equal([QueueVerdict.Ack], await message.Verdicts.WaitForAsync(1));
    }

    [Fact]
    public async Task A_message_that_cannot_be_settled_keeps_no_place_from_the_next_one()
    {
        var problem = new IOException("The disk is full.");
        var (bad, good) = (new FakeMessage { Problem = problem }, new FakeMessage());
        _due.Enqueue(bad);
        _due.Enqueue(good);
        await using var consumer = Start(Acknowledge);
        Assert.Equal([QueueVerdict.Ack], await good.Verdicts.WaitForAsync(1));
        Assert.Equal([problem], _failures.Items);
    }

    [Fact]
    public async Task A_lease_is_renewed_while_the_handler_works_and_before_its_verdict_is_carried_out()
    {
        var message = new FakeMessage();
        _due.Enqueue(message);
        await using var consumer = Start(HoldAsync);
        await message.Renewals.WaitForAsync(3);
        Assert.Empty(message.Verdicts.Items);
        _released.SetResult();
        await message.Verdicts.WaitForAsync(1);
        var renewals = message.Renewals.Items.Count;
        await consumer.DisposeAsync();
        Assert.Equal(renewals, message.Renewals.Items.Count);
    }

    [Fact]
    public async Task A_handler_whose_lease_is_lost_is_told_and_its_verdict_is_not_carried_out()
    {
        var (message, next) = (new FakeMessage { IsLost = true }, new FakeMessage());
        _due.Enqueue(message);
        _due.Enqueue(next);
        var told = new Recorder<string>();
        await using var consumer = Start(HoldUntilTold(message, told));
        await told.WaitForAsync(1);
        await next.Verdicts.WaitForAsync(1);
        Assert.Empty(message.Verdicts.Items);
    }

    [Fact]
    public async Task A_renewal_that_fails_is_tried_again_while_the_lease_lasts()
    {
        var problem = new IOException("The disk is busy.");
        var message = new FakeMessage();
        message.Refusals.Enqueue(problem);
        message.Refusals.Enqueue(problem);
        _due.Enqueue(message);
        await using var consumer = Start(Acknowledge, lease: TimeSpan.FromSeconds(5));
        Assert.Equal([QueueVerdict.Ack], await message.Verdicts.WaitForAsync(1));
        Assert.Equal([problem, problem], _failures.Items);
    }

    [Fact]
    public async Task A_lease_that_could_not_be_renewed_for_as_long_as_it_lasts_is_lost()
    {
        var (message, next) = (new FakeMessage(), new FakeMessage());
        for (var i = 0; i < 10_000; i++)
        {
            message.Refusals.Enqueue(new IOException("The disk is away."));
        }

        _due.Enqueue(message);
        _due.Enqueue(next);
        var told = new Recorder<string>();
        await using var consumer = Start(HoldUntilTold(message, told));
        await told.WaitForAsync(1);
        await next.Verdicts.WaitForAsync(1);
        Assert.NotEmpty(_failures.Items);
        Assert.Empty(message.Verdicts.Items);
    }

    [Fact]
    public async Task A_lease_whose_renewal_never_ends_is_lost()
    {
        var (message, next) = (new FakeMessage { IsStuck = true }, new FakeMessage());
        _due.Enqueue(message);
        _due.Enqueue(next);
        var told = new Recorder<string>();
        await using var consumer = Start(HoldUntilTold(message, told));
        await told.WaitForAsync(1);
        await next.Verdicts.WaitForAsync(1);
        Assert.IsType<TimeoutException>(Assert.Single(_failures.Items));
        Assert.Empty(message.Verdicts.Items);
    }

    [Fact]
    public async Task What_outlasts_the_draining_while_its_renewal_never_ends_is_given_back_at_once()
    {
        var message = new FakeMessage { IsStuck = true };
        _due.Enqueue(message);
        var consumer = Start(Acknowledge, drain: TimeSpan.Zero, lease: TimeSpan.FromHours(1));
        await message.Renewals.WaitForAsync(1);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        Assert.Equal([null], message.Verdicts.Items);
        Assert.Empty(_failures.Items);
    }

    [Fact]
    public async Task What_a_handler_has_registered_on_its_token_may_throw_when_its_lease_is_lost()
    {
        var (message, next) = (new FakeMessage { IsLost = true }, new FakeMessage());
        _due.Enqueue(message);
        _due.Enqueue(next);
        var problem = new InvalidOperationException("A callback.");
        await using var consumer = Start(async (delivery, lost) =>
        {
            if (delivery == message.Delivery)
            {
                lost.Register(() => throw problem);
                await Task.Delay(Timeout.Infinite, lost).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            return QueueVerdict.Ack;
        });
        await next.Verdicts.WaitForAsync(1);
        var failure = Assert.IsType<AggregateException>(Assert.Single(await _failures.WaitForAsync(1)));
        Assert.Equal([problem], failure.InnerExceptions);
    }

    [Fact]
    public async Task A_handler_that_runs_on_after_its_lease_was_lost_keeps_its_place()
    {
        var (message, next) = (new FakeMessage { IsLost = true }, new FakeMessage());
        _due.Enqueue(message);
        _due.Enqueue(next);
        var (told, overtaken) = (new Recorder<string>(), new Recorder<string>());
        await using var consumer = Start(async (delivery, lost) =>
        {
            if (delivery == message.Delivery)
            {
                await using var registration = lost.Register(() => told.Add("told"));
                return await HoldAsync(delivery, lost);
            }

            overtaken.Add("overtaken");
            return QueueVerdict.Ack;
        });
        await told.WaitForAsync(1);
        await Eventually.KeepsHoldingAsync("one at a time", TimeSpan.FromMilliseconds(300), () => overtaken.Items.Count == 0);
        _released.SetResult();
        await next.Verdicts.WaitForAsync(1);
        Assert.Empty(message.Verdicts.Items);
    }

    [Fact]
    public async Task A_handler_that_runs_on_after_its_lease_was_lost_does_not_outlast_the_draining()
    {
        var message = new FakeMessage { IsLost = true };
        _due.Enqueue(message);
        var told = new Recorder<string>();
        var consumer = Start(
            async (delivery, lost) =>
            {
                await using var registration = lost.Register(() => told.Add("told"));
                return await HoldAsync(delivery, lost);
            },
            drain: TimeSpan.Zero);
        await told.WaitForAsync(1);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        _released.SetResult();
        Assert.Empty(message.Verdicts.Items);
    }

    [Fact]
    public async Task A_handler_that_throws_or_has_no_verdict_has_failed_an_attempt()
    {
        var (throwing, silent) = (new FakeMessage(), new FakeMessage());
        _due.Enqueue(throwing);
        _due.Enqueue(silent);
        var problem = new InvalidOperationException("It throws on purpose.");
        await using var consumer = Start((delivery, _) => delivery == throwing.Delivery ? throw problem : new((QueueVerdict)null!));
        foreach (var (message, why) in new[] { (throwing, "It throws on purpose."), (silent, "The handler returned null.") })
        {
            var verdict = Assert.IsType<QueueVerdict.Retried>((await message.Verdicts.WaitForAsync(1))[0]);
            Assert.Equal((TimeSpan.FromMilliseconds(500), AttemptFailure.HandlerFailed, why), (verdict.Delay, verdict.Failure!.Code, verdict.Failure.Message));
        }

        Assert.Equal([problem], _failures.Items);
    }

    [Fact]
    public async Task Dispose_takes_nothing_more_and_waits_for_what_runs()
    {
        var (first, second) = (new FakeMessage(), new FakeMessage());
        _due.Enqueue(first);
        _due.Enqueue(second);
        var consumer = Start(HoldAsync);
        await first.Renewals.WaitForAsync(1);
        var disposals = new[] { consumer.DisposeAsync().AsTask(), consumer.DisposeAsync().AsTask() };
        Assert.DoesNotContain(disposals, static disposal => disposal.IsCompleted);
        _released.SetResult();
        await Eventually.CompletesAsync("dispose", Task.WhenAll(disposals));
        Assert.Equal((1, 0, 1), (first.Verdicts.Items.Count, second.Renewals.Items.Count, _disposed));
    }

    [Fact]
    public async Task What_outlasts_the_draining_is_given_back_at_once()
    {
        var message = new FakeMessage();
        _due.Enqueue(message);
        var consumer = Start(HoldAsync, drain: TimeSpan.Zero);
        await message.Renewals.WaitForAsync(1);
        await Eventually.CompletesAsync("dispose", consumer.DisposeAsync().AsTask());
        Assert.Equal([null], message.Verdicts.Items);
        _released.SetResult();
    }

    /// <summary>Handles one message until its lease is lost, and all others at once.</summary>
    private static QueueHandler HoldUntilTold(FakeMessage message, Recorder<string> told) => async (delivery, lost) =>
    {
        if (delivery == message.Delivery)
        {
            await Task.Delay(Timeout.Infinite, lost).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            told.Add("told");
        }

        return QueueVerdict.Ack;
    };

    private static ValueTask<QueueVerdict> Acknowledge(QueueDelivery delivery, CancellationToken lost) => new(QueueVerdict.Ack);

    private async ValueTask<QueueVerdict> HoldAsync(QueueDelivery delivery, CancellationToken lost)
    {
        await _released.Task;
        return QueueVerdict.Ack;
    }

    private PollingConsumer Start(QueueHandler handler, Func<ValueTask<ILeasedMessage?>>? take = null, TimeSpan? drain = null, TimeSpan? lease = null) => PollingConsumer.Start(
        new QueueSubscription("q") { LeaseTime = lease ?? TimeSpan.FromMilliseconds(30), DrainTimeout = drain ?? TimeSpan.FromMinutes(1) },
        handler,
        take ?? (() => new(_due.TryDequeue(out var next) ? next : null)),
        new PollingOptions { Interval = TimeSpan.FromMilliseconds(1), Failed = _failures.Add, Disposed = _ => Interlocked.Increment(ref _disposed) });

    private sealed class FakeMessage : ILeasedMessage
    {
        public bool IsLost { get; init; }

        /// <summary>Whether its renewals never end.</summary>
        public bool IsStuck { get; init; }

        public Exception? Problem { get; init; }

        /// <summary>What its renewals throw before one succeeds.</summary>
        public ConcurrentQueue<Exception> Refusals { get; } = new();

        public Recorder<bool> Renewals { get; } = new();

        public Recorder<QueueVerdict?> Verdicts { get; } = new();

        public QueueDelivery Delivery { get; } = new()
        {
            Queue = "q",
            Group = "g",
            MessageId = Guid.NewGuid().ToString("N"),
            Attempt = 1,
            EnqueuedAt = DateTimeOffset.UnixEpoch,
            Payload = default,
            Headers = new Dictionary<string, string>(),
        };

        public ValueTask<bool> RenewAsync()
        {
            if (Refusals.TryDequeue(out var refusal))
            {
                throw refusal;
            }

            Renewals.Add(!IsLost);
            return IsStuck ? new(new TaskCompletionSource<bool>().Task) : new(!IsLost);
        }

        public ValueTask SettleAsync(QueueVerdict? verdict)
        {
            if (Problem is not null)
            {
                throw Problem;
            }

            Verdicts.Add(verdict);
            return ValueTask.CompletedTask;
        }
    }
}
