using System.Collections.Immutable;
using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>One group of a topic: the functions that share its messages. This instance consumes while a worker of its own provides one.</summary>
/// <remarks>
/// All instances know all triggers of the group, so they agree on how it is consumed. Each hands what it gets to the functions of its own
/// workers, in turn.
/// </remarks>
internal sealed class TopicGroup(string topic, string group, FunctionDirectory functions, JobRunner runner, TimeProvider time)
    : JobSource(QueueNames.OfTopic(topic), group)
{
    private ImmutableArray<Subscriber> _subscribers = [];
    private int _turn;

    public ImmutableArray<Subscriber> Subscribers => _subscribers;

    /// <summary>The smallest that a trigger names, wherever its function is.</summary>
    public override int? ClusterConcurrency => _subscribers.Min(static subscriber => subscriber.Config.ClusterConcurrency);

    public override QueueSubscription? Wanted
    {
        get
        {
            var all = _subscribers;
            var local = all.Where(IsLocal).ToArray();
            return local.Length == 0 ? null : new QueueSubscription(Queue)
            {
                Group = Group,
                Concurrency = (int)Math.Min(local.Sum(static subscriber => (long)subscriber.Config.Concurrency), BrokerLimits.MaxConcurrency),
                LeaseTime = local.Max(static subscriber => subscriber.Config.LeaseTime),
                Ordering = all.Any(static subscriber => subscriber.Config.Type == QueueType.Fifo) ? QueueOrdering.PerKey : QueueOrdering.None,
                DrainTimeout = LongestDrain,
            };
        }
    }

    public void Add(Subscriber subscriber) =>
        ImmutableInterlocked.Update(ref _subscribers, static (all, added) => all.Add(added), subscriber);

    public void Remove(Subscriber subscriber) =>
        ImmutableInterlocked.Update(ref _subscribers, static (all, gone) => all.Remove(gone), subscriber);

    public override async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery)
    {
        if (Take() is not { } subscriber)
        {
            // The worker has just left, and the consumer will follow.
            return JobRunner.Refuse(delivery);
        }

        try
        {
            var config = subscriber.Config;
            var early = config.Delay - (time.GetUtcNow() - delivery.EnqueuedAt);
            return config.Delay > TimeSpan.Zero && early > TimeSpan.Zero && delivery.Failures.Count == 0
                ? QueueVerdict.RetryAfter(early)
                : await runner.RunAsync(
                    delivery, new Job(topic, IsTopic: true, subscriber.Trigger.FunctionId, config.ConditionFunctionId, config.Retry));
        }
        finally
        {
            subscriber.Exit();
        }
    }

    private bool IsLocal(Subscriber subscriber) => functions.Find(subscriber.Trigger.FunctionId)?.Providers.LocalCount > 0;

    private Subscriber? Take()
    {
        var all = _subscribers;
        var first = (uint)Interlocked.Increment(ref _turn);
        Subscriber? busy = null;
        for (var i = 0u; i < all.Length; i++)
        {
            var subscriber = all[(int)((first + i) % (uint)all.Length)];
            if (!IsLocal(subscriber))
            {
                continue;
            }

            if (subscriber.TryEnter())
            {
                return subscriber;
            }

            busy ??= subscriber;
        }

        busy?.Enter();
        return busy;
    }
}
