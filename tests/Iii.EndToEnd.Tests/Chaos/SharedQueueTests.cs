using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Several engines share the jobs of one broker. <c>III_CHAOS_JOBS</c> says how many there are.</summary>
public class SharedQueueTests
{
    private const string Plain = "plain";
    private const string Ordered = "ordered";

    private static readonly HashSet<string> OrderedTopics = [Ordered];

    [Theory]
    [InlineData(ClusterBroker.Redis)]
    [InlineData(ClusterBroker.RabbitMq)]
    public async Task Three_engines_handle_each_job_once_with_all_of_six_workers(string adapter)
    {
        const int Keys = 100;
        var numbers = Settings.Jobs(otherwise: 10_000) / (2 * Keys);
        const int Engines = 3;
        const int WorkersPerEngine = 2;
        using var recordings = new Recordings();
        recordings.OpenGate();
        await using var system = await ChaosSystem.StartAsync(adapter, recordings, Engines, WorkersPerEngine);
        var producer = new JobProducer(system.Urls);
        var producing = producer.RunAsync([Ordered, Plain], Keys, numbers, TestContext.Current.CancellationToken);
        await Progress.ReachesAsync("all jobs are handled", recordings.CountHandled, 2 * Keys * numbers);
        await producing;

        var verdict = HistoryChecker.Check(new JobHistory(producer.Accepted, producer.Repeated, recordings.Handlings(), [], OrderedTopics));
        Assert.True(verdict.IsGood, $"{verdict}");
        Assert.Equal((2 * Keys * numbers, 0, 0), (producer.AcceptedCount, producer.Repeated.Count, verdict.Doubled));
        Assert.Equal(Engines * WorkersPerEngine, recordings.UsedFiles);
    }
}
