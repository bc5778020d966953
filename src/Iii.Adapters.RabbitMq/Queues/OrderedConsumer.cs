using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Consumes a group in order per key: one instance at a time, the others wait for their turn.</summary>
/// <remarks>
/// <para>
/// Whose turn it is reads a window of the group's messages, and sorts them into lanes. A message keeps its place, unacknowledged,
/// until it is settled for good, over all its attempts: so the broker hands everything to the next instance in the same order,
/// whatever happens to this one. What is behind a message that waits for its next attempt waits here as well and takes up room in
/// the window; when the window is full of those, the other keys wait too.
/// </para>
/// <para>
/// Attempts are counted here, and at the end of the turn left to the next as <see cref="AttemptNotes"/>. When the instance vanishes, those
/// that it knew of count as one, lost.
/// </para>
/// </remarks>
internal sealed class OrderedConsumer(
    RabbitMqConnection connection, QueueStore store, AttemptNotes notes, QueueSubscription subscription, QueueHandler handler)
    : GroupConsumer(connection, store, subscription, handler)
{
    /// <summary>Messages that are read and not settled. At least the concurrency.</summary>
    private const int Window = 2_000;

    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly AttemptNotes _notes = notes;
    private readonly KeyLanes _lanes = new();
    private Turn? _turn;

    private ushort Prefetch => (ushort)Math.Max(Window, Subscription.Concurrency);

    public override Task RestoreAsync(LinkSession session, CancellationToken cancellationToken)
    {
        var turn = new Turn(this, session);
        lock (Lock)
        {
            _lanes.Clear();
            _turn = turn;
        }

        turn.Begin();
        return Task.CompletedTask;
    }

    public override void OnLost(BrokerException why)
    {
        // First: the room that those under way leave is none for what was read on the lost session.
        lock (Lock)
        {
            _lanes.Clear();
            _turn?.Cancel();
        }

        base.OnLost(why);
    }

    protected override Task StopTakingAsync() => _turn?.StopTakingAsync() ?? Task.CompletedTask;

    protected override async Task CloseAsync()
    {
        if (_turn is { } turn)
        {
            if (await turn.HasBegunAsync().ConfigureAwait(false))
            {
                await _notes.LeaveAsync(turn.Session, Subscription.Queue, Subscription.Group, Note(turn)).ConfigureAwait(false);
            }

            await turn.CloseAsync().ConfigureAwait(false);
        }
    }

    protected override void OnRoom()
    {
        while (!IsStopping && RunningCount < Subscription.Concurrency && _lanes.TakeNext() is { } run)
        {
            Start(run);
        }
    }

    protected override async Task SettleAsync(DeliveryRun run, QueueVerdict verdict)
    {
        if (verdict is QueueVerdict.Retried retried)
        {
            var longest = Connection.Options.Limits.MaxDelay;
            _ = HoldAsync(Follow(run, retried.Failure), retried.Delay < longest ? retried.Delay : longest);
            return;
        }

        if (verdict is QueueVerdict.DeadLettered dead && !await BuryInPlaceAsync(run, dead.Reason).ConfigureAwait(false))
        {
            Follow(run, dead.Reason);
            return;
        }

        run.Channel.Acknowledge(run.Tag);
        lock (Lock)
        {
            _lanes.Leave(run);
        }
    }

    /// <summary>The attempt was made, and the message keeps its place for the next one, here or in the next turn.</summary>
    private DeliveryRun Follow(DeliveryRun run, AttemptFailure? failure)
    {
        var next = new DeliveryRun(this, run.Channel, run.Tag, run.Record.After(run.Attempt, failure, DateTimeOffset.UtcNow));
        lock (Lock)
        {
            _lanes.Replace(run, next);
        }

        return next;
    }

    /// <summary>Its key waits until it is buried. False when the session is lost, or when it cannot be done now and the consumer is to end: it is given back then.</summary>
    private async Task<bool> BuryInPlaceAsync(DeliveryRun run, AttemptFailure reason)
    {
        var now = DateTimeOffset.UtcNow;
        var dead = run.Record.After(run.Attempt, reason, now) with { DeadAt = now };
        while (!run.Channel.Session.Lost.IsCompleted)
        {
            if (await TryStoreAsync(() => Store.BuryAsync(Subscription.Queue, Subscription.Group, dead)).ConfigureAwait(false))
            {
                return true;
            }

            lock (Lock)
            {
                if (IsStopping)
                {
                    return false;
                }
            }

            await Task.Delay(Pause).ConfigureAwait(false);
        }

        return false;
    }

    private async Task HoldAsync(DeliveryRun run, TimeSpan delay)
    {
        var turn = _turn;

        // A timer may fire before its time, by what it cuts off of a millisecond.
        var start = TimeProvider.System.GetTimestamp();
        while (delay - TimeProvider.System.GetElapsedTime(start) is { Ticks: > 0 } left && turn is { IsOver: false })
        {
            var next = left < LongestTimer ? TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)) : LongestTimer;
            await Task.Delay(next, turn.Over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        lock (Lock)
        {
            if (turn == _turn && turn is { IsOver: false })
            {
                _lanes.Repeat(run);
                OnRoom();
            }
        }
    }

    private void Take(ConsumingChannel channel, Arrival arrival)
    {
        if (Read(channel, arrival) is not { } run)
        {
            return;
        }

        lock (Lock)
        {
            // What comes while the turn ends is not begun, and goes into the notes if it is in time for them.
            if (_turn is not { } turn || turn.Session != channel.Session || (turn.IsOver && !IsStopping))
            {
                return;
            }

            // Behind the first of its key it was in nobody's hands yet, however often it was delivered.
            if (LostDeliveries(arrival) == 0)
            {
                turn.Notes.Clear();
            }
            else if (turn.IsFirst(run.Record.OrderingKey ?? ""))
            {
                run.Record = turn.Notes.Remove(run.Record.MessageId, out var note) ? run.Record with { Attempts = note.Attempts, Failures = note.Failures }
                    : turn.AreNotesComplete ? run.Record
                    : run.Record.AfterLost(1, DateTimeOffset.UtcNow);
            }

            _lanes.Join(run);
            OnRoom();
        }
    }

    /// <summary>What is to be known of the messages that are given back: the first of each key, and what the last turn left and nobody has read.</summary>
    private List<QueueRecord> Note(Turn turn)
    {
        var now = DateTimeOffset.UtcNow;
        lock (Lock)
        {
            return [.. turn.Notes.Values, .. _lanes.Heads.Select(run => run.IsAbandoned ? run.Record.AfterLost(1, now) : run.Record)];
        }
    }

    /// <summary>What this consumer has of one session: first the wait for its turn, then the right to consume, then the consuming.</summary>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, and may be looked at after the end.
    private sealed class Turn(OrderedConsumer consumer, LinkSession session)
#pragma warning restore CA1001
    {
        private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

        private readonly CancellationTokenSource _over = new();
        private Task<ConsumingChannel?> _consuming = Task.FromResult<ConsumingChannel?>(null);
        private readonly HashSet<string> _redeliveredKeys = new(StringComparer.Ordinal);
        private IAsyncDisposable? _right;

        public LinkSession Session => session;

        /// <summary>What the turn before left, by the id of the message; of those that may still come. Under the lock.</summary>
        public Dictionary<string, QueueRecord> Notes { get; private set; } = [];

        /// <summary>Whether what has no note was not begun in the turn before.</summary>
        public bool AreNotesComplete { get; private set; }

        /// <summary>Whether no message of the key was redelivered in this turn. Those are at most what the turns before had read. Under the lock.</summary>
        public bool IsFirst(string key) => _redeliveredKeys.Add(key);

        public CancellationToken Over => _over.Token;

        public bool IsOver => _over.IsCancellationRequested;

        public void Begin() => _consuming = Task.Run(WaitAndConsumeAsync);

        /// <summary>Whether it got so far as to consume. Once it is over.</summary>
        public async Task<bool> HasBegunAsync() => await _consuming.ConfigureAwait(false) is not null;

        /// <summary>The session is lost, and the right with it.</summary>
        public void Cancel() => _ = CloseAsync();

        /// <summary>
        /// Takes none of the messages that wait here, nor of those that still come: they are given back with the others. Cancelling at
        /// the broker would separate what it takes back from the consumer, and let the next one begin in between.
        /// </summary>
        public async Task StopTakingAsync()
        {
            await _over.CancelAsync().ConfigureAwait(false);
            await _consuming.ConfigureAwait(false);
        }

        /// <summary>Gives back what is left, in order, and then the right.</summary>
        public async Task CloseAsync()
        {
            await _over.CancelAsync().ConfigureAwait(false);
            if (await _consuming.ConfigureAwait(false) is { } channel)
            {
                // Without a word about the messages: of a consumer that is gone the broker takes them back in order, and in the same
                // step as it forgets the consumer. What is given back with basic.nack comes in any order (3.10).
                await channel.CloseAsync().ConfigureAwait(false);
                await UntilItIsForgottenAsync().ConfigureAwait(false);
            }

            if (_right is not null)
            {
                await _right.DisposeAsync().ConfigureAwait(false);
            }
        }

        /// <summary>Whoever asks after this finds no consumer. The next one looks for itself, so a broker that takes long may be left to it.</summary>
        private async Task UntilItIsForgottenAsync()
        {
            using var patience = new CancellationTokenSource(consumer.Connection.Options.OperationTimeout);
            try
            {
                await UntilNobodyConsumesAsync(patience.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is OperationCanceledException or BrokerException || LinkErrors.IsFailure(exception))
            {
                // The connection is lost, and with it the consumer.
            }
        }

        /// <summary>As long as the broker has messages of a consumer to take back, it lists it.</summary>
        private async Task UntilNobodyConsumesAsync(CancellationToken cancellation)
        {
            while (await Probing.CountAsync(session, consumer.Jobs, cancellation).ConfigureAwait(false) is { ConsumerCount: > 0 })
            {
                await Task.Delay(LookAgain, cancellation).ConfigureAwait(false);
            }
        }

        private async Task<ConsumingChannel?> WaitAndConsumeAsync()
        {
            try
            {
                // The right is asked for on the session that the link has by then.
                await session.InUse.WaitAsync(Over).ConfigureAwait(false);
                var subscription = consumer.Subscription;
                _right = await consumer.Connection.Locks.AcquireAsync(
                    consumer.Connection.Names.TurnLock(subscription.Queue, subscription.Group), Over).ConfigureAwait(false);

                // The last one may have vanished without a goodbye.
                await UntilNobodyConsumesAsync(Over).ConfigureAwait(false);
                (Notes, AreNotesComplete) = await consumer._notes.TakeAsync(session, subscription.Queue, subscription.Group, Over).ConfigureAwait(false);
                return await ConsumingChannel.OpenAsync(session, consumer.Jobs, consumer.Prefetch, consumer.Take, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
            {
                if (!IsOver)
                {
                    session.Fail($"consuming in order could not begin: {exception.Message}");
                }

                return null;
            }
        }
    }
}
