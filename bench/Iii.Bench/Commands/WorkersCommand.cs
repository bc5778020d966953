using System.CommandLine;
using Iii.Bench.Processes;
using Iii.Bench.Scale;

namespace Iii.Bench.Commands;

/// <summary>Many workers on one engine.</summary>
internal static class WorkersCommand
{
    private const int MissedBars = 2;

    public static Command Create()
    {
        var engine = new Option<string>("--engine") { Description = "The engine's executable.", DefaultValueFactory = _ => BenchFolder.EngineBinary };
        var workers = new Option<int>("--workers") { Description = "How many workers.", DefaultValueFactory = _ => 1000 };
        var seconds = new Option<int>("--seconds") { Description = "How long workers come and go.", DefaultValueFactory = _ => 30 };
        var command = new Command("workers", "Register many workers, and let them come and go.") { engine, workers, seconds };
        command.SetAction(async (parsed, cancellation) =>
        {
            var binary = Path.GetFullPath(parsed.GetRequiredValue(engine));
            if (!File.Exists(binary))
            {
                throw new FileNotFoundException($"There is no engine at {binary}. Build it with -c Release, or name it with --engine.");
            }

            using var folder = new WorkFolder();
            var options = new ScaleOptions(binary, parsed.GetValue(workers), parsed.GetValue(seconds));
            return await new ScaleRun(options, folder.Path, Console.Out).RunAsync(cancellation) ? 0 : MissedBars;
        });
        return command;
    }
}
