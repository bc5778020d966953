using System.CommandLine;
using Iii.Bench.Processes;
using Iii.Bench.Scale;

namespace Iii.Bench.Commands;

/// <summary>How fast what is registered at one engine is known at another, and how fast it is known to be gone.</summary>
internal static class SpreadCommand
{
    public static Command Create()
    {
        var adapter = new Argument<string>("adapter") { Description = "Which adapter." };
        var url = new Option<string>("--url") { Description = "The broker, which is running already.", Required = true };
        var engine = new Option<string>("--engine") { Description = "The engine's executable.", DefaultValueFactory = _ => BenchFolder.EngineBinary };
        var rounds = new Option<int>("--rounds") { Description = "How many times each is measured.", DefaultValueFactory = _ => 200 };
        var command = new Command("spread", "How fast registrations, and their ends, are known at another engine.") { adapter, url, engine, rounds };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var folder = new WorkFolder();
            var kind = ServerKind.Engine(
                parsed.GetRequiredValue(engine),
                $"broker: {{ adapter: {parsed.GetRequiredValue(adapter)}, url: '{parsed.GetRequiredValue(url)}' }}\ncluster: {{ name: bench-spread }}\n");
            await new SpreadRun(kind, parsed.GetValue(rounds), folder.Path, Console.Out).RunAsync(cancellation);
        });
        return command;
    }
}
