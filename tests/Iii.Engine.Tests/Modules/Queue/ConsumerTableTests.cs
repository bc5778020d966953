using Iii.Broker;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Support;
using Iii.Engine.Triggers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class ConsumerTableTests : IAsyncDisposable
{
    private readonly RestrictedQueueBroker _broker = new(BrokerFeatures.None);
    private readonly FunctionDirectory _functions = new();
    private readonly PlaceDirectory _places = new("here", TimeSpan.Zero, TimeProvider.System);
    private readonly DeadlineSweeper _deadlines = new(TimeProvider.System);
    private readonly InvocationMetrics _invocationMetrics = new(TimeProvider.System);
    private readonly QueueMetrics _metrics = new();

    public ValueTask DisposeAsync()
    {
        _deadlines.Dispose();
        _invocationMetrics.Dispose();
        _metrics.Dispose();
        return _broker.DisposeAsync();
    }

    [Fact]
    public async Task Trigger_that_comes_while_all_is_stopped_may_go_again()
    {
        using var table = MakeTable();
        var (first, late) = (Subscribe("f"), Subscribe("g"));
        table.Add("t", QueueNames.SharedGroup, first);
        var stopping = table.StopAsync();
        table.Add("t", QueueNames.SharedGroup, late);
        table.Remove("t", QueueNames.SharedGroup, late);
        table.Remove("t", QueueNames.SharedGroup, first);
        await stopping;
    }

    [Fact]
    public async Task Runner_that_is_stopped_while_the_broker_refuses_to_let_it_consume_ends_and_holds_no_places()
    {
        var (asked, refused) = (new TaskCompletionSource(), new TaskCompletionSource());
        _broker.BeforeConsuming = () =>
        {
            asked.SetResult();
            return refused.Task;
        };
        var source = new WantedSource();
        var runner = new ConsumerRunner(_broker, source, _places, TimeProvider.System, NullLogger.Instance);
        await asked.Task.WaitAsync(TestContext.Current.CancellationToken);
        var stopping = runner.DisposeAsync();
        refused.SetException(new BrokerException(BrokerErrorCodes.BrokerUnavailable, "It has gone."));
        await stopping;

        using var next = _places.Open(source.Id);
        next.Announce(new Places(IsTaker: true, 0));
        Assert.Equal(new Allowance(1, 1), next.Of(1));
    }

    private static Subscriber Subscribe(string functionId)
    {
        var config = SubscriberConfig.Read("{}"u8, "t", countsRetries: false, new QueueOptions(), out _);
        return new Subscriber(new Trigger($"{functionId}-trigger", QueueTriggerType.QueueId, functionId, [], null, functionId), config);
    }

    private ConsumerTable MakeTable()
    {
        var invoker = new FunctionInvoker(_functions, _deadlines, _invocationMetrics, TimeProvider.System, TimeSpan.FromMinutes(1));
        var runner = new JobRunner(invoker, _metrics, TimeSpan.FromMinutes(1), NullLogger.Instance);
        return new ConsumerTable(_broker, new QueueOptions(), _functions, _places, runner, TimeProvider.System, NullLogger.Instance);
    }

    private sealed class WantedSource() : JobSource("q", "g")
    {
        public override int? ClusterConcurrency => 1;

        public override QueueSubscription? Wanted => new("q") { Group = "g" };

        public override ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery) => ValueTask.FromResult(QueueVerdict.Ack);
    }
}
