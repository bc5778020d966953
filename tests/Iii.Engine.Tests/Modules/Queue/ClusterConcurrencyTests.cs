using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Cluster;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Queue;

/// <summary>Limits that hold for all instances together. Jobs run until the test ends them, so what runs at a time is counted, not timed.</summary>
public sealed class ClusterConcurrencyTests : IAsyncDisposable
{
    private readonly HeldJobs _jobs = new();

    [Fact]
    public async Task Two_instances_never_run_more_than_the_limit_and_handle_everything()
    {
        const int Jobs = 60;
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        var (one, two) = (await SubscribeAsync(cluster[0], 3), await SubscribeAsync(cluster[1], 3));
        await producer.WaitForStatsAsync("t", "consumer_count", 2);
        await EnqueueAsync(producer, Jobs);
        await _jobs.EndAsync(Jobs, limit: 3);
        await producer.WaitForStatsAsync("t", "depth", 0);
        Assert.Equal(3, _jobs.Most);
        Assert.Equal(Enumerable.Range(0, Jobs), _jobs.Begun.Order());
        Assert.True(_jobs.HasBegunAt(one) && _jobs.HasBegunAt(two), "both take part");
    }

    [Fact]
    public async Task Survivor_of_an_instance_that_dies_takes_the_whole_limit_while_its_own_jobs_still_run()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        var (survivor, dead) = (await SubscribeAsync(cluster[0], 3), await SubscribeAsync(cluster[1], 3));
        await producer.WaitForStatsAsync("t", "consumer_count", 2);
        await EnqueueAsync(producer, 10);
        await _jobs.WaitForAsync(3);
        await cluster[1].DisposeAsync();
        await _jobs.WaitForAsync(survivor, 3);
        Assert.Equal(0, _jobs.RunningAt(dead));
        await _jobs.EndAsync(10, limit: 3);
        Assert.Equal(3, _jobs.Most);
        Assert.Equal(Enumerable.Range(0, 10), _jobs.Begun.Distinct().Order());
    }

    [Fact]
    public async Task Instance_that_joins_begins_when_the_others_have_given_something_up()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        var first = await SubscribeAsync(cluster[0], 2);
        await EnqueueAsync(producer, 10);
        await _jobs.WaitForAsync(2);
        var second = await SubscribeAsync(cluster[1], 2);
        await PassTimeAsync(cluster[1]);
        Assert.Equal(2, _jobs.RunningAt(first));
        await _jobs.EndOneAsync(first);
        await _jobs.WaitForAsync(second, 1);

        // The job that still runs here is its share now.
        Assert.Equal(1, _jobs.RunningAt(first));
        await _jobs.EndAsync(9, limit: 2);
        Assert.Equal(2, _jobs.Most);
    }

    [Fact]
    public async Task Instance_that_shuts_down_holds_its_places_until_it_is_gone()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        TestWorker[] workers = [await SubscribeAsync(cluster[0], 1), await SubscribeAsync(cluster[1], 1)];
        await EnqueueAsync(producer, 2);
        await _jobs.WaitForAsync(1);
        var leaving = Array.FindIndex(workers, worker => _jobs.RunningAt(worker) == 1);
        var stopping = cluster[leaving].StopAsync();
        await cluster.WaitForProvidersAsync(1 - leaving, "f", 1);
        await PassTimeAsync(cluster[1 - leaving]);
        Assert.Equal(0, _jobs.RunningAt(workers[1 - leaving]));
        await _jobs.EndOneAsync();
        await stopping;
        await cluster[leaving].DisposeAsync();
        await _jobs.WaitForAsync(workers[1 - leaving], 1);
        await _jobs.EndOneAsync();
        Assert.Equal([0, 1], _jobs.Begun.Order());
        Assert.Equal(1, _jobs.Most);
    }

    [Fact]
    public async Task Instance_without_a_share_takes_over_from_one_whose_worker_leaves()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        TestWorker[] workers = [await SubscribeAsync(cluster[0], 1), await SubscribeAsync(cluster[1], 1)];
        await EnqueueAsync(producer, 2);
        await _jobs.WaitForAsync(1);
        var worker = Array.Find(workers, worker => _jobs.RunningAt(worker) == 1)!;
        var other = Array.Find(workers, other => other != worker)!;
        await _jobs.EndOneAsync();
        await _jobs.WaitForAsync(1);
        await worker.DisposeAsync();
        await _jobs.WaitForAsync(other, 1);
        await _jobs.EndOneAsync();
        Assert.Equal(1, _jobs.Most);
    }

    [Fact]
    public async Task Smallest_limit_that_a_trigger_names_holds_on_every_instance_and_for_as_long_as_the_trigger_is_there()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        await SubscribeAsync(cluster[0], 4);
        await using (var strict = await cluster[1].ConnectAsync())
        {
            // It has a trigger and no function, so it takes no part.
            await strict.TriggerAsync("g", "t", """{"clusterConcurrency":2}""");
            await Eventually.TrueAsync(async () => (await producer.CallAsync("engine::registered-triggers::list"))
                .GetProperty("result").GetProperty("registered_triggers").GetArrayLength() == 2);
            await EnqueueAsync(producer, 12);
            await _jobs.EndAsync(4, limit: 2);
            await _jobs.WaitForAsync(2);
            Assert.Equal(2, _jobs.Most);
        }

        await _jobs.WaitForAsync(4);
        await _jobs.EndAsync(8, limit: 4);
        Assert.Equal(4, _jobs.Most);
    }

    [Fact]
    public async Task Limit_holds_for_jobs_in_order()
    {
        await using var cluster = await TestCluster.StartAsync(2, queue: new QueueOptions());
        await using var producer = await cluster[0].ConnectAsync();
        await SubscribeAsync(cluster[0], 2, members: ""","type":"fifo" """);
        await SubscribeAsync(cluster[1], 2, members: ""","type":"fifo" """);
        for (var i = 0; i < 30; i++)
        {
            await producer.EnqueueAsync("t", $"{i}", $$""","group":"{{i % 5}}" """);
        }

        await _jobs.EndAsync(30, limit: 2);
        Assert.Equal(2, _jobs.Most);
        Assert.All(_jobs.Begun.GroupBy(static job => job % 5), static group => Assert.Equal(group.Order(), group));
    }

    [Fact]
    public async Task Named_queue_has_a_limit_for_all_instances()
    {
        var queue = new QueueOptions { QueueConfigs = new Dictionary<string, NamedQueueOptions> { ["q"] = new() { ClusterConcurrency = 2 } } };
        await using var cluster = await TestCluster.StartAsync(2, queue: queue);
        await using var producer = await cluster[0].ConnectAsync();
        await FollowAsync(cluster[0]);
        await FollowAsync(cluster[1]);
        for (var i = 0; i < 20; i++)
        {
            await producer.EnqueueCallAsync("q", "f", $"{i}");
        }

        await _jobs.EndAsync(20, limit: 2);
        Assert.Equal(2, _jobs.Most);
        Assert.Equal(Enumerable.Range(0, 20), _jobs.Begun.Order());
        var config = (await producer.AskAsync("engine::queue::topic_stats", """{"queue":"q"}""")).GetProperty("config");
        Assert.Equal(2, config.GetProperty("cluster_concurrency").GetInt32());
    }

    [Theory]
    [InlineData(2, 10)]
    [InlineData(10, 2)]
    public async Task One_instance_runs_no_more_than_the_smaller_of_both(int limit, int concurrency)
    {
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions());
        await using var producer = await engine.ConnectAsync();
        await SubscribeAsync(engine, limit, members: $",\"concurrency\":{concurrency}");
        await EnqueueAsync(producer, 20);
        await _jobs.EndAsync(20, limit: 2);
        Assert.Equal(2, _jobs.Most);
    }

    [Fact]
    public async Task Limit_that_grows_is_used_at_once_and_one_that_shrinks_as_jobs_end()
    {
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions());
        await using var producer = await engine.ConnectAsync();
        await using var owner = await engine.ConnectAsync();
        await FollowAsync(engine);
        await EnqueueAsync(producer, 60);

        // More steps than there may be consumers beside each other: then the last one makes way first.
        var limits = Enumerable.Range(1, ConsumerRunner.MaxConsumers).ToArray();
        foreach (var limit in limits)
        {
            await TriggerAsync(limit);
            await _jobs.WaitForAsync(limit);
        }

        await TriggerAsync(limits.Length + 4);
        while (_jobs.Running < limits.Length + 4)
        {
            await _jobs.EndOldestAsync();
            await EnqueueAsync(producer, 1);
            await Eventually.TrueAsync(() => _jobs.Running >= limits.Length - 1);
        }

        Assert.Equal(limits.Length + 4, _jobs.Most);
        await TriggerAsync(2);
        await PassTimeAsync(engine);
        for (var running = limits.Length + 4; running > 2; running--)
        {
            await _jobs.EndOneAsync();
        }

        await _jobs.WaitForAsync(2);
        await PassTimeAsync(engine);
        Assert.Equal(2, _jobs.Running);

        Task TriggerAsync(int limit) => owner.TriggerAsync("f", "t", $$"""{"concurrency":100,"clusterConcurrency":{{limit}} }""");
    }

    public ValueTask DisposeAsync() => _jobs.DisposeAsync();

    /// <summary>Connects a worker whose jobs are held, and subscribes it.</summary>
    private async Task<TestWorker> SubscribeAsync(TestEngine engine, int limit, string members = "")
    {
        var worker = await FollowAsync(engine);
        await worker.SendAsync(
            $$$"""
            {"type":"registertrigger","id":"f-trigger","trigger_type":"queue","function_id":"f",
            "config":{"topic":"t","queue_config":{"clusterConcurrency":{{{limit}}}{{{members}}} } } }
            """);
        return worker;
    }

    /// <summary>Connects a worker whose jobs are held.</summary>
    private async Task<TestWorker> FollowAsync(TestEngine engine)
    {
        var worker = await engine.ConnectAsync();
        await worker.RegisterAsync("f");
        _jobs.Follow(worker);
        return worker;
    }

    private static async Task EnqueueAsync(TestWorker producer, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await producer.EnqueueAsync("t", $"{i}");
        }
    }

    /// <summary>
    /// Lasts until an instance has begun to work on another limited topic: so what it knew before, it had the time to act on, if it did wrong.
    /// </summary>
    private static async Task PassTimeAsync(TestEngine engine)
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SubscribeAsync("clock", "clock", """{"clusterConcurrency":1}""");
        await worker.EnqueueAsync("clock", "1");
        await worker.HandleAsync("clock");
    }
}
