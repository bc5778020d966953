using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Clusters;

/// <summary>Limits that hold for all engines together, on a real broker. Jobs run until the test ends them.</summary>
public abstract class ClusterConcurrencyScenarios(BrokerFixture fixture) : IAsyncLifetime
{
    private const int Engines = 3;

    private readonly HeldJobs _jobs = new();
    private Cluster _cluster = null!;

    /// <summary>A topic that no other test has used on the broker.</summary>
    private readonly string _topic = $"t{Guid.NewGuid():N}";

    public async ValueTask InitializeAsync()
    {
        _cluster = await Cluster.StartAsync(fixture.Broker, Engines, modules: "  - class: modules::queue::QueueModule\n");
        await _cluster.WaitUntilEqualDigestsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _jobs.DisposeAsync();
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Limit_holds_over_all_engines_and_survivors_of_a_killed_one_have_all_of_it()
    {
        const int Jobs = 60;
        const int Limit = 4;
        var workers = new List<TestWorker>();
        for (var engine = 0; engine < Engines; engine++)
        {
            workers.Add(await SubscribeAsync(engine, $$"""{"clusterConcurrency":{{Limit}},"visibilityTimeout":1}"""));
        }

        await EnqueueAsync(Enumerable.Range(0, Jobs), static _ => "");
        await _jobs.EndAsync(Jobs / 2, Limit);
        await _jobs.WaitForAsync(Limit);
        await _cluster.KillAsync(1);
        await Eventually.TrueAsync("the dead engine's jobs are no more", () => _jobs.RunningAt(workers[1]) == 0);
        await _jobs.WaitForAsync(Limit);
        while (_jobs.Begun.Distinct().Count() < Jobs)
        {
            await _jobs.EndOneAsync();
            await Eventually.TrueAsync("the next begins", () => _jobs.Running == Limit || _jobs.Begun.Distinct().Count() == Jobs);
        }

        Assert.Equal(Limit, _jobs.Most);
        Assert.All(workers, worker => Assert.True(_jobs.HasBegunAt(worker)));
    }

    [Fact]
    public async Task Limit_holds_for_jobs_in_order()
    {
        const int Jobs = 40;
        for (var engine = 0; engine < Engines; engine++)
        {
            await SubscribeAsync(engine, """{"clusterConcurrency":2,"type":"fifo"}""");
        }

        static string Group(int job) => $$""","group":"{{job % 5}}" """;

        // What comes before the first consumer may be overtaken on RabbitMQ when that one comes.
        await EnqueueAsync([0], Group);
        await _jobs.WaitForAsync(1);
        await EnqueueAsync(Enumerable.Range(1, Jobs - 1), Group);
        await _jobs.WaitForAsync(2);
        for (var left = Jobs; left > 0; left--)
        {
            await Eventually.TrueAsync("a job runs", () => _jobs.Running > 0);
            await _jobs.EndOneAsync();
        }

        Assert.Equal(2, _jobs.Most);
        Assert.All(_jobs.Begun.GroupBy(static job => job % 5), static group => Assert.Equal(group.Order(), group));
        Assert.Equal(Jobs, _jobs.Begun.Length);
    }

    private async Task<TestWorker> SubscribeAsync(int engine, string queueConfig)
    {
        var worker = await TestWorker.ConnectAsync(_cluster[engine].WorkerPort);
        await worker.RegisterAsync("f");
        _jobs.Follow(worker);
        await worker.SendAsync(
            $$"""
            {"type":"registertrigger","id":"{{Guid.NewGuid()}}","trigger_type":"queue","function_id":"f",
            "config":{"topic":"{{_topic}}","queue_config":{{queueConfig}} } }
            """);
        return worker;
    }

    private async Task EnqueueAsync(IEnumerable<int> jobs, Func<int, string> members)
    {
        await using var producer = await TestWorker.ConnectAsync(_cluster[0].WorkerPort);
        foreach (var job in jobs)
        {
            var answer = await producer.CallAsync("enqueue", $$"""{"topic":"{{_topic}}","data":{{job}}{{members(job)}} }""");
            Assert.False(answer.TryGetProperty("error", out var error), error.ToString());
        }
    }
}
