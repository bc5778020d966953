using System.CommandLine;
using Iii.Bench.Queues;
using Iii.Bench.Results;

namespace Iii.Bench.Commands;

/// <summary>Durable queues, next to the least that does the same on the same store.</summary>
internal static class QueueCommand
{
    private const int Concurrency = 256;
    private const int Keys = 1_000;

    public static Command Create() => new("embedded", "Measure durable queues in this process.") { Sqlite() };

    private static Command Sqlite()
    {
        var jobs = new Option<int>("--jobs") { Description = "Jobs of each phase.", DefaultValueFactory = _ => 100_000 };
        var publishers = new Option<int>("--publishers") { Description = "Enqueueings in flight.", DefaultValueFactory = _ => 256 };
        var bytes = new Option<int>("--payload") { Description = "Bytes of a job.", DefaultValueFactory = _ => 138 };
        var runs = new Option<int>("--runs") { Description = "How often; the medians count.", DefaultValueFactory = _ => 3 };
        var delayed = new Option<int>("--delayed") { Description = "Delayed jobs; 0 for none.", DefaultValueFactory = _ => 100_000 };
        var command = new Command("sqlite", "The embedded adapter and its raw twin.") { jobs, publishers, bytes, runs, delayed };
        command.SetAction(async (parsed, cancellation) =>
        {
            var load = new JobLoad(parsed.GetValue(jobs), parsed.GetValue(publishers), parsed.GetValue(bytes));
            (string Name, Func<string, Task<IJobQueue>> Open)[] sides =
            [
                ("twin", folder => SqliteTwin.OpenAsync(folder, Concurrency)),
                ("adapter", folder => BrokerJobs.OpenAsync(folder, Concurrency, 0)),
                ($"adapter, {Keys} keys", folder => BrokerJobs.OpenAsync(folder, Concurrency, Keys)),
            ];
            await load.MeasureAsync(JobPhase.Both, sides[0].Open);
            await load.MeasureAsync(JobPhase.Both, sides[2].Open);
            foreach (var phase in Enum.GetValues<JobPhase>())
            {
                await WriteAsync(phase, load, sides, parsed.GetValue(runs), cancellation);
            }

            if (parsed.GetValue(delayed) is > 0 and var count)
            {
                var late = await DelayedLoad.MeasureAsync(count, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(10));
                Console.WriteLine(
                    $"{count} delayed jobs, due over 10 s: p50 {late[count / 2]:0.0} ms late, p99 {late[count * 99 / 100]:0.0}, "
                    + $"worst {late[^1]:0.0}, earliest {late[0]:0.0}");
            }
        });
        return command;
    }

    private static async Task WriteAsync(
        JobPhase phase, JobLoad load, (string Name, Func<string, Task<IJobQueue>> Open)[] sides, int runs, CancellationToken cancellation)
    {
        var measured = sides.Select(_ => new List<(double Rate, double Micros)>()).ToArray();
        for (var run = 0; run < runs; run++)
        {
            for (var side = 0; side < sides.Length; side++)
            {
                cancellation.ThrowIfCancellationRequested();
                measured[side].Add(await load.MeasureAsync(phase, sides[side].Open));
            }
        }

        for (var side = 0; side < sides.Length; side++)
        {
            var rate = Median.Of(measured[side].Select(each => each.Rate));
            var toTwin = Median.Of(measured[side].Select((each, run) => each.Rate / measured[0][run].Rate));
            var micros = Median.Of(measured[side].Select(each => each.Micros));
            Console.WriteLine($"{phase,-8} {sides[side].Name,-20} {rate,9:0} jobs/s  ratio to twin {toTwin:0.00}  CPU {micros:0.0} us/job");
        }
    }
}
