using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Jobs that wait for a time, while what they wait in is killed.</summary>
public class DelayedJobTests
{
    private const string Plain = "plain";
    private const string Ordered = "ordered";

    private static readonly HashSet<string> OrderedTopics = [Ordered];

    [Theory]
    [InlineData(ChaosSystem.Embedded)]
    [InlineData(ClusterBroker.Redis)]
    [InlineData(ClusterBroker.RabbitMq)]
    public async Task Delayed_jobs_survive_the_engine_and_the_broker_and_come_when_they_are_due(string adapter)
    {
        const int Keys = 50;
        const int Numbers = 20;
        var delay = TimeSpan.FromSeconds(20);
        using var recordings = new Recordings();
        recordings.OpenGate();
        await using var system = await ChaosSystem.StartAsync(adapter, recordings, engines: 1);
        var producer = new JobProducer(system.Urls, delay);

        var start = ChaosSystem.Now();
        var first = new JobProducer(system.Urls, delay);
        await first.RunAsync([Ordered], keys: 1, numbers: 1, TestContext.Current.CancellationToken);
        await Task.Delay(ChaosSystem.QueueAge, TestContext.Current.CancellationToken);
        await producer.RunAsync([Plain], Keys, Numbers, TestContext.Current.CancellationToken);
        Kill[] kills = [await system.KillBrokerAsync(), await system.KillEngineAsync(0)];
        Assert.Equal(0, recordings.CountHandled());

        await Progress.ReachesAsync("all jobs are handled", recordings.CountHandled, 1 + (Keys * Numbers));
        var handlings = recordings.Handlings();
        var history = new JobHistory(
            producer.Accepted.Union(first.Accepted).ToHashSet(), producer.Repeated, handlings, kills, OrderedTopics);
        var verdict = HistoryChecker.Check(history with { CopyPause = delay * 2 });
        Assert.True(verdict.IsGood, $"{verdict}");
        Assert.All(handlings, handling => Assert.True(handling.Start >= start + delay, $"{handling} is early: enqueued after {start}"));
    }
}
