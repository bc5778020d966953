using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Jobs that wait for a time, while what they wait in is killed. <c>III_CHAOS_JOBS</c> says how many there are.</summary>
public class DelayedJobTests(ITestOutputHelper output)
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
        var numbers = Settings.Jobs(otherwise: 1_000) / Keys;

        // The last job is stored, and all that was killed is back, before the first one is due.
        var delay = TimeSpan.FromSeconds(20 + (Keys * numbers / 2_000));
        using var recordings = new Recordings();
        recordings.OpenGate();
        await using var system = await ChaosSystem.StartAsync(adapter, recordings, engines: 1);
        var producer = new JobProducer(system.Urls, delay);

        var start = ChaosSystem.Now();
        var first = new JobProducer(system.Urls, delay);
        await first.RunAsync([Ordered], keys: 1, numbers: 1, TestContext.Current.CancellationToken);
        await Task.Delay(ChaosSystem.QueueAge, TestContext.Current.CancellationToken);
        await producer.RunAsync([Plain], Keys, numbers, TestContext.Current.CancellationToken);
        Kill[] kills = [await system.KillBrokerAsync(), await system.KillEngineAsync(0)];
        Assert.Equal(0, recordings.CountHandled());

        await Progress.ReachesAsync("all jobs are handled", recordings.CountHandled, 1 + (Keys * numbers));
        var handlings = recordings.Handlings();
        var history = new JobHistory(
            producer.Accepted.Union(first.Accepted).ToHashSet(), producer.Repeated, handlings, kills, OrderedTopics);
        var verdict = HistoryChecker.Check(history with { CopyPause = delay * 2 });
        output.WriteLine($"{adapter}: {Keys * numbers} jobs that wait for {delay.TotalSeconds} s; {verdict}");
        Assert.True(verdict.IsGood, $"{verdict}");
        Assert.All(handlings, handling => Assert.True(handling.Start >= start + delay, $"{handling} is early: enqueued after {start}"));
    }
}
