using System.Text.Json;
using Iii.EndToEnd.Tests.Processes;
using Iii.Sdk;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Dead letters are put back, while what keeps them is killed. <c>III_CHAOS_JOBS</c> says how many there are.</summary>
public class RedriveTests(ITestOutputHelper output)
{
    private const string Plain = "plain";

    /// <summary>Jobs that the recording worker is at, or has handled without the broker's knowledge: they come again after a kill.</summary>
    private const int HandledAtATime = 64;

    /// <summary>Dead letters that RabbitMQ itself moves at a time: they come again when it is killed.</summary>
    private const int MovedAtATime = 32;

    [Theory]
    [InlineData(ChaosSystem.Embedded)]
    [InlineData(ClusterBroker.Redis)]
    [InlineData(ClusterBroker.RabbitMq)]
    public async Task Dead_letters_are_redriven_although_the_engine_and_the_broker_are_killed_meanwhile(string adapter)
    {
        const int Keys = 100;
        var numbers = Settings.Jobs(otherwise: 2_000) / Keys;
        using var recordings = new Recordings();
        await using var system = await ChaosSystem.StartAsync(adapter, recordings, engines: 1);
        var producer = new JobProducer(system.Urls);
        await producer.RunAsync([Plain], Keys, numbers, TestContext.Current.CancellationToken);
        await using var operators = await IiiWorker.ConnectAsync(system.Urls[0], cancellation: TestContext.Current.CancellationToken);
        await Progress.ReachesAsync("all jobs are dead letters", () => CountDeadAsync(operators).GetAwaiter().GetResult(), Keys * numbers);

        recordings.OpenGate();
        var kills = new List<Kill>();
        var redriving = RedriveAsync(operators);
        await Progress.ReachesAsync("some are handled", recordings.CountHandled, Keys * numbers / 10);
        kills.Add(await system.KillEngineAsync(0));
        await Progress.ReachesAsync("more are handled", recordings.CountHandled, Keys * numbers / 5);
        kills.Add(await system.KillBrokerAsync());
        var calls = await redriving;
        await Progress.ReachesAsync("all are handled", recordings.CountHandled, Keys * numbers);
        var verdict = HistoryChecker.Check(new JobHistory(producer.Accepted, producer.Repeated, recordings.Handlings(), kills, new HashSet<string>()));
        output.WriteLine($"{adapter}: redriven with {calls} calls; {verdict}");
        Assert.True(verdict.IsGood, $"{verdict}");
        Assert.InRange(verdict.Doubled, 0, (kills.Count * HandledAtATime) + (adapter == ClusterBroker.RabbitMq ? MovedAtATime : 0));
    }

    /// <summary>Asks for all dead letters to be redriven until it has been done to the end.</summary>
    private static async Task<int> RedriveAsync(IiiWorker operators)
    {
        for (var calls = 1; ; calls++)
        {
            try
            {
                var answer = await operators.InvokeRawAsync("iii::queue::redrive", """{"queue":"plain"}"""u8.ToArray());
                var json = JsonElement.Parse(answer.Span);
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
        return JsonElement.Parse(answer.Span).GetProperty("matched").GetInt32();
    }
}
