using Iii.Broker;
using Iii.Broker.Memory;
using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Cluster;
using Iii.Engine.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Queue;

/// <summary>Several engines, engines that stop, and brokers that go away.</summary>
public sealed class QueueLifetimeTests
{
    [Fact]
    public async Task Line_46_thousand_jobs_over_two_engines_are_handled_once_each_and_both_take_part()
    {
        const int Jobs = 1_000;
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        TestWorker[] consumers = [await cluster[0].ConnectAsync(), await cluster[1].ConnectAsync()];
        foreach (var consumer in consumers)
        {
            await consumer.SubscribeAsync("f", "t", """{"concurrency":4}""");
        }

        await producer.WaitForStatsAsync("t", "consumer_count", 2);
        var collected = consumers.Select(CollectAsync).ToArray();
        for (var i = 0; i < Jobs; i++)
        {
            await producer.EnqueueAsync("t", $"{i}");
        }

        await producer.WaitForStatsAsync("t", "depth", 0);
        foreach (var consumer in consumers)
        {
            await consumer.DisposeAsync();
        }

        var handled = await Task.WhenAll(collected);
        Assert.Equal(Enumerable.Range(0, Jobs), handled.SelectMany(static jobs => jobs).Order());
        Assert.All(handled, static jobs => Assert.NotEmpty(jobs));

        // Each engine hands what it gets to its own worker: what passes between them is about membership alone.
        Assert.InRange(cluster.Bus(0).Direct + cluster.Bus(1).Direct, 0, Jobs / 10);
    }

    [Fact]
    public async Task Instance_without_a_provider_takes_no_jobs_and_the_last_provider_of_all_leaves_them_waiting()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        await producer.TriggerAsync("f", "t");
        var consumer = await cluster[1].ConnectAsync();
        await cluster.RegisterAsync(consumer, "f");
        await producer.WaitForStatsAsync("t", "consumer_count", 1);
        await producer.EnqueueAsync("t", "1");
        await consumer.HandleAsync("f");
        await consumer.DisposeAsync();
        await producer.WaitForStatsAsync("t", "consumer_count", 0);
        await producer.EnqueueAsync("t", "2");
        await producer.WaitForStatsAsync("t", "depth", 1);
        await using var next = await cluster[0].ConnectAsync();
        await next.RegisterAsync("f");
        Assert.Equal(2, (await next.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Call_in_a_named_queue_finds_its_function_on_the_other_instance()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var here = await cluster[0].ConnectAsync();
        await using var there = await cluster[1].ConnectAsync();
        await cluster.RegisterAsync(here, "unrelated");
        await cluster.RegisterAsync(there, "f");
        await here.WaitForStatsAsync("default", "consumer_count", 2);
        for (var i = 0; i < 4; i++)
        {
            await here.EnqueueCallAsync("default", "f", $"{i}");
        }

        var handled = new List<int>();
        for (var i = 0; i < 4; i++)
        {
            handled.Add((await there.HandleAsync("f")).GetInt32());
        }

        Assert.Equal([0, 1, 2, 3], handled.Order());
        await here.WaitForStatsAsync("default", "depth", 0);
    }

    [Fact]
    public async Task Fifo_holds_over_two_engines()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        await using var one = await cluster[0].ConnectAsync();
        await using var two = await cluster[1].ConnectAsync();
        foreach (var consumer in new[] { one, two })
        {
            await consumer.SubscribeAsync("f", "t", """{"type":"fifo","concurrency":3}""");
        }

        await producer.WaitForStatsAsync("t", "consumer_count", 2);
        var order = new List<int>();
        var collecting = new[] { one, two }.Select(consumer => CollectAsync(consumer, order)).ToArray();
        for (var i = 0; i < 50; i++)
        {
            await producer.EnqueueAsync("t", $"{i}");
        }

        await producer.WaitForStatsAsync("t", "depth", 0);
        await one.DisposeAsync();
        await two.DisposeAsync();
        await Task.WhenAll(collecting);
        Assert.Equal(Enumerable.Range(0, 50), order);
    }

    [Fact]
    public async Task Shutdown_takes_no_more_jobs_and_lets_the_running_one_finish()
    {
        var world = new MemoryWorld();
        await using var broker = new MemoryQueueBroker(world);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var worker = await engine.ConnectAsync();
        await worker.SubscribeAsync("f", "t", """{"concurrency":1}""");
        await worker.EnqueueAsync("t", "1");
        await worker.EnqueueAsync("t", "2");
        var running = await worker.NextCallAsync("f");
        var stopping = engine.StopAsync();
        await using var other = new MemoryQueueBroker(world);
        await Eventually.TrueAsync(async () => await IsDrainingAsync(engine));

        // A job that runs may still enqueue.
        await worker.EnqueueAsync("t", "3");
        await worker.AnswerAsync(running);
        await stopping;
        var stats = await other.GetStatsAsync("topic:t", TestContext.Current.CancellationToken);
        Assert.Equal((2, 0, 0), (stats!.Groups[0].Waiting, stats.Groups[0].Delivering, stats.Groups[0].Consumers));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Shutdown_waits_until_what_is_being_enqueued_is_stored_and_answered(bool isCall)
    {
        var (began, stored) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var broker = HeldQueues(began, stored.Task);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var worker = await engine.ConnectAsync();
        var answer = isCall ? worker.EnqueueCallAsync("default", "f", "1") : worker.CallAsync("enqueue", """{"topic":"t","data":1}""");
        await began.Task;
        var stopping = engine.StopAsync();
        await Eventually.TrueAsync(async () => await IsDrainingAsync(engine));
        stored.SetResult();
        Assert.False((await answer).TryGetProperty("error", out var error), $"{error}");
        await stopping;
    }

    [Fact]
    public async Task Shutdown_refuses_jobs_of_a_worker_that_works_on_nothing()
    {
        var (began, stored) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var broker = HeldQueues(began, stored.Task);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var idle = await engine.ConnectAsync();
        await using var busy = await engine.ConnectAsync();
        var answer = busy.CallAsync("enqueue", """{"topic":"t","data":1}""");
        await began.Task;
        var stopping = engine.StopAsync();
        await Eventually.TrueAsync(async () => await IsDrainingAsync(engine));
        var refused = await idle.EnqueueCallAsync("default", "f", "1");
        Assert.Equal("shutting_down", refused.GetProperty("error").GetProperty("code").GetString());
        stored.SetResult();
        await answer;
        await stopping;
    }

    [Fact]
    public async Task Job_that_outlasts_the_drain_time_goes_back_and_is_no_crash()
    {
        var world = new MemoryWorld();
        await using var broker = new MemoryQueueBroker(world);
        await using var engine = await TestEngine.StartAsync(
            new WorkerGatewayOptions { DrainTimeoutMs = 100 }, queue: new QueueOptions(), queues: broker);
        await using var worker = await engine.ConnectAsync();
        await worker.SubscribeAsync("f", "t");
        await worker.EnqueueAsync("t", "1");
        await worker.NextCallAsync("f");
        await engine.StopAsync();
        await using var other = new MemoryQueueBroker(world);
        await using var next = await TestEngine.StartAsync(queue: new QueueOptions(), queues: other);
        await using var heir = await next.ConnectAsync();
        await heir.SubscribeAsync("f", "t");
        Assert.Equal(1, (await heir.HandleAsync("f")).GetInt32());
        await heir.WaitForStatsAsync("t", "depth", 0);
    }

    [Fact]
    public async Task Broker_that_is_away_fails_enqueueing_and_consumers_go_on_when_it_is_back()
    {
        var link = new MemoryLink();
        await using var broker = new MemoryQueueBroker(new MemoryWorld(), link);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        await producer.WaitForStatsAsync("t", "consumer_count", 1);
        link.Cut();
        Assert.Equal("enqueue_failed", await producer.ErrorAsync("enqueue", """{"topic":"t","data":1}"""));
        var error = (await producer.EnqueueCallAsync("default", "f", "1")).GetProperty("error");
        Assert.Equal("enqueue_error", error.GetProperty("code").GetString());

        // Nor can one begin to consume; that is tried until it works.
        await consumer.SubscribeAsync("g", "u");
        link.Restore();
        await producer.EnqueueAsync("t", "1");
        await producer.EnqueueAsync("u", "2");
        Assert.Equal(1, (await consumer.HandleAsync("f")).GetInt32());
        Assert.Equal(2, (await consumer.HandleAsync("g")).GetInt32());
    }

    [Fact]
    public async Task Broker_that_cannot_be_closed_does_not_keep_the_process_from_ending()
    {
        var time = new FakeTimeProvider();
        var broker = new RestrictedQueueBroker(BrokerFeatures.None) { BeforeDisposed = new TaskCompletionSource().Task };
        var host = EngineHost.Create(
            new EngineConfiguration { Gateway = new WorkerGatewayOptions { Host = "127.0.0.1", Port = 0 }, Queue = new QueueOptions() },
            time: time,
            adapters: [new BusAdapter(bus: null, broker)]);
        await host.StartAsync(TestContext.Current.CancellationToken);
        var disposing = host.DisposeAsync().AsTask();
        await Eventually.TrueAsync(() => Task.FromResult(broker.IsDisposed));
        Assert.False(disposing.IsCompleted);

        // The broker says so before anybody waits for it with a clock.
        await Eventually.TrueAsync(() =>
        {
            time.Advance(EngineHost.ClosePatience);
            return Task.FromResult(disposing.IsCompleted);
        });
        await disposing;
    }

    /// <summary>Queues that say when somebody enqueues, and then wait.</summary>
    private static RestrictedQueueBroker HeldQueues(TaskCompletionSource began, Task stored) => new(BrokerFeatures.None)
    {
        BeforeEnqueueing = () =>
        {
            began.TrySetResult();
            return stored;
        },
    };

    private static async Task<bool> IsDrainingAsync(TestEngine engine)
    {
        using var http = new HttpClient();
        return !(await http.GetAsync(new Uri($"http://127.0.0.1:{engine.WorkerPort}/health/ready"))).IsSuccessStatusCode;
    }

    /// <summary>Answers all calls until the worker is disposed of, and says what their inputs were.</summary>
    private static async Task<List<int>> CollectAsync(TestWorker worker) => await CollectAsync(worker, []);

    private static async Task<List<int>> CollectAsync(TestWorker worker, List<int> inputs)
    {
        try
        {
            while (true)
            {
                var call = await worker.NextAsync("invokefunction");
                lock (inputs)
                {
                    inputs.Add(call.GetProperty("data").GetInt32());
                }

                await worker.AnswerAsync(call);
            }
        }
        catch (System.Threading.Channels.ChannelClosedException)
        {
            return inputs;
        }
    }
}
