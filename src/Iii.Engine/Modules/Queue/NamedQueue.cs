using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>A named queue: each of its jobs is a call, of a function that the job names, on whichever instance.</summary>
/// <remarks>This instance takes part while it has a worker with functions; what its own workers do not provide goes to another instance.</remarks>
internal sealed class NamedQueue(string name, NamedQueueOptions options, FunctionDirectory functions, JobRunner runner)
    : JobSource(QueueNames.OfNamed(name), QueueNames.SharedGroup)
{
    private readonly RetryOptions _retry = new(
        (int)Math.Min(options.MaxRetries + 1L, int.MaxValue), TimeSpan.FromMilliseconds(options.BackoffMs));

    public override int? ClusterConcurrency => options.ClusterConcurrency;

    public override QueueSubscription? Wanted => !functions.All.Any(IsOfWorkerHere) ? null : new QueueSubscription(Queue)
    {
        Group = Group,
        Concurrency = options.Concurrency,
        Ordering = options.Type == QueueType.Fifo ? QueueOrdering.PerKey : QueueOrdering.None,
        LeaseTime = SubscriberConfig.DefaultLeaseTime,
        DrainTimeout = LongestDrain,
    };

    public override ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery) => runner.RunAsync(
        delivery, new Job(name, IsTopic: false, delivery.Headers.GetValueOrDefault(JobHeaders.FunctionId), ConditionFunctionId: null, _retry));

    private static bool IsOfWorkerHere(FunctionPool function)
    {
        foreach (var registration in function.Providers.Local)
        {
            if (registration.Provider is not EngineFunction)
            {
                return true;
            }
        }

        return false;
    }
}
