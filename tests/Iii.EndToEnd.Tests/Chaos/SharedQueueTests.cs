using Iii.EndToEnd.Tests.Processes;
using Iii.Sdk;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Jobs of several engines over one broker.</summary>
public class SharedQueueTests(ITestOutputHelper output)
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
        const int Numbers = 250;
        const int Engines = 3;
        const int WorkersPerEngine = 2;
        using var recordings = new Recordings();
        recordings.OpenGate();
        await using var system = await ChaosSystem.StartAsync(adapter, recordings, Engines, WorkersPerEngine);
        var producer = new JobProducer(system.Urls);
        var producing = producer.RunAsync([Ordered, Plain], Keys, Numbers, TestContext.Current.CancellationToken);
        await Progress.ReachesAsync("all jobs are handled", recordings.CountHandled, 2 * Keys * Numbers);
        await producing;

        var verdict = HistoryChecker.Check(new JobHistory(producer.Accepted, producer.Repeated, recordings.Handlings(), [], OrderedTopics));
        Assert.True(verdict.IsGood, $"{verdict}");
        Assert.Equal((2 * Keys * Numbers, 0, 0), (producer.AcceptedCount, producer.Repeated.Count, verdict.Doubled));
        Assert.Equal(Engines * WorkersPerEngine, recordings.UsedFiles);
    }

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

        // RabbitMQ 3.10 forgets a quorum queue when it is killed in the seconds after it was declared. So those for delays shall be older.
        var first = new JobProducer(system.Urls, TimeSpan.FromMilliseconds(1));
        await first.RunAsync([Ordered], 1, 1, TestContext.Current.CancellationToken);
        var start = ChaosSystem.Now();
        await producer.RunAsync([Plain], Keys, Numbers, TestContext.Current.CancellationToken);
        Kill[] kills = [await system.KillBrokerAsync(), await system.KillEngineAsync(0)];
        Assert.Equal(0, recordings.CountHandled());

        await Progress.ReachesAsync("all jobs are handled", recordings.CountHandled, Keys * Numbers);
        var handlings = recordings.Handlings();
        var verdict = HistoryChecker.Check(new JobHistory(producer.Accepted, producer.Repeated, handlings, kills, OrderedTopics));
        Assert.True(verdict.IsGood, $"{verdict}");
        Assert.All(handlings, handling => Assert.True(handling.Start >= start + delay, $"{handling} is early: enqueued after {start}"));
    }

    [Theory]
    [InlineData(ChaosSystem.Embedded)]
    [InlineData(ClusterBroker.Redis)]
    [InlineData(ClusterBroker.RabbitMq)]
    public async Task Dead_letters_are_redriven_although_the_engine_and_the_broker_are_killed_meanwhile(string adapter)
    {
        const int Keys = 100;
        const int Numbers = 20;
        using var recordings = new Recordings();
        await using var system = await ChaosSystem.StartAsync(adapter, recordings, engines: 1);
        var producer = new JobProducer(system.Urls);
        await producer.RunAsync([Plain], Keys, Numbers, TestContext.Current.CancellationToken);
        await using var operators = await IiiWorker.ConnectAsync(system.Urls[0], cancellation: TestContext.Current.CancellationToken);
        await Progress.ReachesAsync("all jobs are dead letters", () => CountDeadAsync(operators).GetAwaiter().GetResult(), Keys * Numbers);

        recordings.OpenGate();
        var kills = new List<Kill>();
        var redriving = RedriveAsync(operators);
        await Progress.ReachesAsync("some are handled", recordings.CountHandled, Keys * Numbers / 10);
        kills.Add(await system.KillEngineAsync(0));
        await Progress.ReachesAsync("more are handled", recordings.CountHandled, Keys * Numbers / 5);
        kills.Add(await system.KillBrokerAsync());
        var calls = await redriving;
        await Progress.ReachesAsync("all are handled", recordings.CountHandled, Keys * Numbers);
        var verdict = HistoryChecker.Check(new JobHistory(producer.Accepted, producer.Repeated, recordings.Handlings(), kills, OrderedTopics));
        output.WriteLine($"{adapter}: redriven with {calls} calls; {verdict}");
        Assert.True(verdict.IsGood, $"{verdict}");
    }

    /// <summary>Asks for all dead letters to be redriven until it has been done to the end.</summary>
    private static async Task<int> RedriveAsync(IiiWorker operators)
    {
        for (var calls = 1; ; calls++)
        {
            try
            {
                var answer = await operators.InvokeRawAsync("iii::queue::redrive", """{"queue":"plain"}"""u8.ToArray());
                var json = System.Text.Json.JsonElement.Parse(answer.Span);
                if (json.GetProperty("complete").GetBoolean())
                {
                    return calls;
                }
            }
            catch (Exception e) when (e is IiiException or IiiTimeoutException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken);
            }
        }
    }

    private static async Task<int> CountDeadAsync(IiiWorker operators)
    {
        var answer = await operators.InvokeRawAsync("iii::queue::redrive", """{"queue":"plain","dry_run":true}"""u8.ToArray());
        return System.Text.Json.JsonElement.Parse(answer.Span).GetProperty("matched").GetInt32();
    }
}
