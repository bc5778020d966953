using System.Diagnostics.CodeAnalysis;
using Xunit;

namespace Iii.Broker.Specs;

/// <summary>The contract of <see cref="IQueueBroker"/>. An adapter passes when a subclass with its factory is green.</summary>
/// <remarks>
/// <para>
/// It has <see cref="CaseCount"/> cases, each about one promise, in a file per topic: <c>Delivery</c>, <c>Retries</c>, <c>Groups</c>,
/// <c>Order</c>, <c>Delay</c>, <c>Priority</c>, <c>Deduplication</c>, <c>DeadLetters</c>, <c>Cancellation</c>, <c>Inspection</c>,
/// <c>Bounds</c>, <c>Ends</c> (what dispose does) and <c>Losses</c> (what is left of an instance that vanishes).
/// </para>
/// <para>
/// No case is skipped. What an adapter does not declare in its <see cref="BrokerFeatures"/> it must refuse with
/// <see cref="BrokerErrorCodes.NotSupported"/>, and the case checks that instead. Where a case needs a second instance, an adapter without
/// <see cref="BrokerFeatures.Shared"/> must refuse it, and uses its only one for both parts.
/// </para>
/// </remarks>
public abstract partial class QueueBrokerSpecs : SeamSpecs<IQueueBroker>
{
    /// <summary>How many cases the suite has. A case with several rows of data is one.</summary>
    public const int CaseCount = 132;

    private static readonly AttemptFailure Boom = new("boom", "It failed on purpose.") { Worker = "w-1", TraceId = "t-1" };

    /// <summary>How far apart two clocks of one machine may be.</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMilliseconds(25);

    private readonly string _queue = Unique("queue");

    private QueueSubscription Ordered => new(_queue) { Ordering = QueueOrdering.PerKey };

    private static QueueMessage Message(string text) => new(Bytes(text));

    private async Task EnqueueAsync(IQueueBroker broker, params string[] texts)
    {
        foreach (var text in texts)
        {
            await broker.EnqueueAsync(_queue, Message(text), cancellationToken: Cancel);
        }
    }

    /// <summary>The first character of each text is its key.</summary>
    private async Task EnqueueKeyedAsync(IQueueBroker broker, params string[] texts)
    {
        foreach (var text in texts)
        {
            await broker.EnqueueAsync(_queue, Message(text), new EnqueueOptions { OrderingKey = text[..1] }, Cancel);
        }
    }

    private static ValueTask<IAsyncDisposable> ConsumeAsync(
        IQueueBroker broker, QueueSubscription subscription, Recorder<Seen> deliveries, Func<Seen, QueueVerdict>? judge = null) =>
        broker.ConsumeAsync(
            subscription,
            (delivery, _) =>
            {
                var seen = Seen.In(delivery);
                deliveries.Add(seen);
                return ValueTask.FromResult(judge?.Invoke(seen) ?? QueueVerdict.Ack);
            },
            Cancel);

    private ValueTask<IAsyncDisposable> ConsumeRawAsync(
        IQueueBroker broker, string group, Recorder<QueueDelivery> deliveries, Func<QueueDelivery, QueueVerdict>? judge = null) =>
        broker.ConsumeAsync(
            new QueueSubscription(_queue) { Group = group },
            (delivery, _) =>
            {
                // The payload is only lent.
                deliveries.Add(delivery with { Payload = delivery.Payload.ToArray() });
                return ValueTask.FromResult(judge?.Invoke(delivery) ?? QueueVerdict.Ack);
            },
            Cancel);

    private static async Task<string[]> TextsAsync(Recorder<Seen> deliveries, int count) =>
        [.. (await deliveries.WaitForAsync(count)).Select(seen => seen.Text)];

    private Task<IReadOnlyList<DeadLetterRecord>> WaitForDeadAsync(IDeadLetters deadLetters, int count) =>
        WaitForDeadAsync(deadLetters, QueueSubscription.DefaultGroup, count);

    private async Task<IReadOnlyList<DeadLetterRecord>> WaitForDeadAsync(IDeadLetters deadLetters, string group, int count)
    {
        IReadOnlyList<DeadLetterRecord> found = [];
        await Eventually.HoldsAsync($"there are {count} dead letters", async () =>
            (found = (await deadLetters.ListAsync(_queue, group, PageRequest.First, Cancel)).Items).Count == count);
        return found;
    }

    /// <summary>Whether the adapter lacks an optional ability, after checking that it declares what it implements.</summary>
    private static bool Lacks<TAbility>(IQueueBroker broker, BrokerFeatures feature, [NotNullWhen(false)] out TAbility? ability)
        where TAbility : class
    {
        ability = broker as TAbility;
        Assert.Equal(broker.Features.HasFlag(feature), ability is not null);
        return ability is null;
    }

    /// <summary>Whether the adapter does not do order; then it has been checked that it says so.</summary>
    private async Task<bool> RefusesOrderingAsync(IQueueBroker broker)
    {
        if (!await RefusesWishAsync(broker, BrokerFeatures.OrderingKeys, new EnqueueOptions { OrderingKey = "a" }))
        {
            return false;
        }

        await RefusesAsync(BrokerErrorCodes.NotSupported, async () => await ConsumeAsync(broker, Ordered, new Recorder<Seen>()));
        return true;
    }

    /// <summary>Whether the adapter has only one group to a queue; then it has been checked that it says so.</summary>
    private async Task<bool> RefusesGroupsAsync(IQueueBroker broker)
    {
        if (broker.Features.HasFlag(BrokerFeatures.Groups))
        {
            return false;
        }

        await using var only = await ConsumeRawAsync(broker, "only", new Recorder<QueueDelivery>());
        await RefusesAsync(BrokerErrorCodes.NotSupported, async () => await ConsumeRawAsync(broker, "other", new Recorder<QueueDelivery>()));
        return true;
    }

    /// <summary>Likewise for delays.</summary>
    private Task<bool> RefusesDelayAsync(IQueueBroker broker) =>
        RefusesWishAsync(broker, BrokerFeatures.Delay, new EnqueueOptions { Delay = TimeSpan.FromSeconds(1) });

    /// <summary>Likewise for priorities.</summary>
    private Task<bool> RefusesPriorityAsync(IQueueBroker broker) =>
        RefusesWishAsync(broker, BrokerFeatures.Priority, new EnqueueOptions { Priority = 1 });

    /// <summary>Likewise for deduplication.</summary>
    private Task<bool> RefusesDeduplicationAsync(IQueueBroker broker) =>
        RefusesWishAsync(broker, BrokerFeatures.Deduplication, new EnqueueOptions { DeduplicationKey = "key" });

    private async Task<bool> RefusesWishAsync(IQueueBroker broker, BrokerFeatures feature, EnqueueOptions wish)
    {
        if (broker.Features.HasFlag(feature))
        {
            return false;
        }

        await RefusesAsync(BrokerErrorCodes.NotSupported, async () => await broker.EnqueueAsync(_queue, Message("x"), wish, Cancel));
        return true;
    }

    /// <summary>Whether messages die with their instance; then it has been checked that receipts say so.</summary>
    private static async Task<bool> DiesWithItsInstanceAsync(IQueueBroker broker)
    {
        if ((broker.Features & (BrokerFeatures.Shared | BrokerFeatures.Durable)) != 0)
        {
            return false;
        }

        Assert.Equal(Durability.Volatile, (await broker.EnqueueAsync(Unique("queue"), Message("x"), cancellationToken: Cancel)).Durability);
        return true;
    }

    /// <summary>What a case looks at in most deliveries.</summary>
    private sealed record Seen(string Text, int Attempt)
    {
        public static Seen In(QueueDelivery delivery) => new(QueueBrokerSpecs.Text(delivery.Payload), delivery.Attempt);
    }

    /// <summary>A handler that stays in its deliveries until they are released, or their token is set.</summary>
    private sealed class Holder
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The verdict of what was released.</summary>
        public QueueVerdict Verdict { get; init; } = QueueVerdict.Ack;

        public Recorder<Seen> Started { get; } = new();

        /// <summary>Those whose token was set.</summary>
        public Recorder<Seen> Told { get; } = new();

        public void Release() => _released.SetResult();

        public async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken cancellationToken)
        {
            var seen = Seen.In(delivery);
            Started.Add(seen);
            try
            {
                await _released.Task.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                // Its verdict counts no more, whatever it is.
                Told.Add(seen);
            }

            return Verdict;
        }
    }
}
