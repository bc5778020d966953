using System.CommandLine;
using Iii.Bench.Processes;
using Iii.Bench.Startup;

namespace Iii.Bench.Commands;

/// <summary>Start-up time and idle memory of an engine binary.</summary>
internal static class StartupCommand
{
    private const int MissedBars = 2;

    public static Command Create()
    {
        var binary = new Argument<FileInfo>("binary") { Description = "The published executable." }.AcceptExistingOnly();
        var runs = new Option<int>("--runs") { Description = "How many starts.", DefaultValueFactory = _ => 10 };
        var command = new Command("startup", "Measure start-up time and idle memory.") { binary, runs };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var folder = new WorkFolder();
            var measured = new List<StartupRun>();
            for (var run = 0; run < parsed.GetValue(runs); run++)
            {
                measured.Add(await StartupRun.MeasureAsync(parsed.GetRequiredValue(binary).FullName, folder.Path, cancellation));
            }

            var summary = new StartupSummary(measured);
            summary.Write(Console.Out);
            return summary.MeetsBars ? 0 : MissedBars;
        });
        return command;
    }
}
