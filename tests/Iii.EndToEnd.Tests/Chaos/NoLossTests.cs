using System.Diagnostics;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>
/// Engines, workers and the broker are killed at random while jobs are enqueued and handled, and jobs that three killed workers had are
/// redriven. <c>tests/chaos.sh</c> runs it at length.
/// </summary>
/// <remarks>Environment: <c>III_CHAOS_JOBS</c>, <c>III_CHAOS_KILLS</c>, and <c>III_SEED</c> for what is killed.</remarks>
public class NoLossTests(ITestOutputHelper output)
{
    private const string Ordered = "ordered";
    private const string Plain = "plain";
    private const int Keys = 100;

    [Fact]
    public Task Accepted_jobs_of_embedded_survive_kills() => RunAsync(ChaosSystem.Embedded);

    [Fact]
    public Task Accepted_jobs_of_redis_survive_kills() => RunAsync(ClusterBroker.Redis);

    [Fact]
    public Task Accepted_jobs_of_rabbitmq_survive_kills() => RunAsync(ClusterBroker.RabbitMq);

    private async Task RunAsync(string adapter)
    {
        var (kills, seed) = (Settings.Kills(otherwise: 5), Settings.Seed());
        var numbers = Math.Max(Settings.Jobs(otherwise: 4_000) / (2 * Keys), 2);
        var total = 2 * Keys * numbers;
        output.WriteLine($"{adapter}: {total} jobs, {kills} kills, III_SEED={seed}");
        using var recordings = new Recordings();
        recordings.OpenGate();
        await using var system = await ChaosSystem.StartAsync(adapter, recordings);
        var producer = new JobProducer(system.Urls);
        await producer.RunAsync([Ordered, Plain], Keys, numbers: 1, TestContext.Current.CancellationToken);
        await new JobProducer(system.Urls, TimeSpan.FromMilliseconds(1)).RunAsync(["delayed"], keys: 1, numbers: 1, TestContext.Current.CancellationToken);
        await Task.Delay(ChaosSystem.QueueAge, TestContext.Current.CancellationToken);
        var start = Stopwatch.GetTimestamp();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var producing = producer.RunAsync([Ordered, Plain], Keys, numbers, end.Token, first: 1);
        var deadLetters = new DeadLetterOperator(system.Urls[0]);
        var operating = deadLetters.RedriveAsync([Ordered, Plain], end.Token);
        var (random, killed) = (new Random(seed), new List<Kill>());
        try
        {
            for (var kill = 1; kill <= kills; kill++)
            {
                var due = 2L * total * kill / (kills + 1);
                await Progress.ReachesAsync($"kill {kill} of {kills} is due", () => producer.AcceptedCount + recordings.CountHandled(), due);
                killed.Add(await system.KillAsync(random));
                output.WriteLine($"{Stopwatch.GetElapsedTime(start).TotalSeconds,6:0.0} s  killed {killed[^1].What}; {producer.AcceptedCount} accepted, {recordings.CountHandled()} handled");
            }

            await Progress.ReachesAsync("all jobs are handled", recordings.CountHandled, total);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(producing, operating).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var history = new JobHistory(producer.Accepted, producer.Repeated, recordings.Handlings(), killed, new HashSet<string> { Ordered });
            var verdict = HistoryChecker.Check(history with { Dead = deadLetters.Seen });
            output.WriteLine(
                $"{Stopwatch.GetElapsedTime(start).TotalSeconds,6:0.0} s  {producer.AcceptedCount} accepted, {producer.Repeated.Count} enqueued again, "
                + $"{deadLetters.Seen.Count} redriven; {verdict}");
            if (!verdict.IsGood)
            {
                recordings.Save(Path.Combine(Repository.LogFolder, "handlings.log"));
            }

            Assert.Empty(deadLetters.Unexpected);
            Assert.True(verdict.IsGood, $"{adapter}, III_SEED={seed}: {verdict}");
        }

        Assert.Equal(total, producer.AcceptedCount);
    }
}
