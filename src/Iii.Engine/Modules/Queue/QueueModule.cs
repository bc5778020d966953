using Iii.Broker;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>Jobs: topics with subscribers, and named queues for calls, over whichever broker.</summary>
internal sealed class QueueModule : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly JobRunner _runner;
    private readonly ConsumerTable _consumers;
    private readonly CallEnqueuer _calls;
    private readonly QueueMetrics _metrics = new();
    private readonly EnqueueFunctions _enqueueFunctions;
    private readonly DeadLetterFunctions _deadLetterFunctions;
    private readonly InspectionFunctions _inspectionFunctions;
    private readonly QueueTriggerType _queueType;
    private readonly QueueTriggerType _durableType;

    /// <summary>Makes the module, and begins to consume the named queues.</summary>
    /// <param name="options">Its options, for which <see cref="FeatureCheck"/> has no objection.</param>
    /// <param name="broker">Where jobs are kept. It stays its owner's.</param>
    /// <param name="adapter">What the broker is called in lists.</param>
    /// <param name="functions">Says which functions there are.</param>
    /// <param name="places">Says what the instances that work on the same jobs have of limits for all.</param>
    /// <param name="invoker">The one door.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public QueueModule(
        QueueOptions options,
        IQueueBroker broker,
        string adapter,
        FunctionDirectory functions,
        PlaceDirectory places,
        FunctionInvoker invoker,
        TimeProvider time,
        ILogger<QueueModule> logger)
    {
        _time = time;
        _runner = new JobRunner(invoker, _metrics, TimeSpan.FromMilliseconds(options.JobTimeoutMs), logger);
        _consumers = new ConsumerTable(broker, options, functions, places, _runner, time, logger);
        var producer = new JobProducer(broker, _metrics);
        var locator = new QueueLocator(broker, options, _consumers);
        _calls = new CallEnqueuer(options, producer, logger);
        _enqueueFunctions = new EnqueueFunctions(producer);
        _deadLetterFunctions = new DeadLetterFunctions(broker, locator, time);
        _inspectionFunctions = new InspectionFunctions(broker, adapter, options, _consumers, locator);
        var features = new FeatureCheck(broker, adapter);
        _queueType = new QueueTriggerType(_consumers, features, options, isDurable: false, logger);
        _durableType = new QueueTriggerType(_consumers, features, options, isDurable: true, logger);
    }

    /// <summary>Jobs that this instance works on.</summary>
    public int RunningJobs => _runner.Running;

    /// <summary>Offers the functions and trigger types.</summary>
    public void AddTo(EngineFunctions engine, TriggerDirectory triggers)
    {
        _enqueueFunctions.AddTo(engine);
        _deadLetterFunctions.AddTo(engine);
        _inspectionFunctions.AddTo(engine);
        triggers.AddType(QueueTriggerType.QueueId, QueueTriggerType.QueueDescription, _queueType);
        triggers.AddType(QueueTriggerType.DurableId, QueueTriggerType.DurableDescription, _durableType);
    }

    /// <summary>Puts a call into a named queue; see <see cref="CallEnqueuer.Enqueue"/>.</summary>
    public void Enqueue(
        JsonSlice queue, string functionId, ReadOnlyMemory<byte> data, JsonSlice traceParent, JsonSlice baggage, PendingInvocation? pending) =>
        _calls.Enqueue(queue, functionId, data, traceParent, baggage, pending);

    /// <summary>
    /// Takes no more jobs from the moment it is called; done when those that run have ended and the broker knows. Those that run for longer
    /// than the patience lasts are given back. Jobs can still be enqueued.
    /// </summary>
    public async Task DrainAsync(TimeSpan patience)
    {
        _runner.Stop();
        var stopping = _consumers.StopAsync();
        await WaitAsync(stopping, patience);
        await _runner.GiveUpAsync();

        // A broker that cannot be reached is not waited for: the leases run out.
        await WaitAsync(stopping, Grace);
    }

    public void Dispose()
    {
        _consumers.Dispose();
        _metrics.Dispose();
    }

    private async Task WaitAsync(Task task, TimeSpan patience)
    {
        try
        {
            await task.WaitAsync(patience, _time);
        }
        catch (TimeoutException)
        {
            // The caller goes on.
        }
    }
}
