using System.CommandLine;
using Iii.Bench.Processes;
using Iii.Bench.Results;
using Iii.Bench.Suites;

namespace Iii.Bench.Commands;

/// <summary>The suites: engine and relay, alternately, with baselines.</summary>
internal static class SuiteCommands
{
    private const int FailedOperations = 1;
    private const int Regressed = 2;
    private const string LatestResult = "last";

    private static readonly Option<string> Engine = new("--engine")
    {
        Description = "The engine's executable.",
        DefaultValueFactory = _ => BenchFolder.EngineBinary,
    };

    private static readonly Option<string> Subject = new Option<string>("--subject")
    {
        Description = "What is compared with the relay; 'relay' itself shows the noise.",
        DefaultValueFactory = _ => "engine",
    }.AcceptOnlyFromAmong("engine", "relay");

    private static readonly Option<int> Pairs = new("--pairs") { Description = "Pairs of windows per cell.", DefaultValueFactory = _ => 6 };

    private static readonly Option<int> Seconds = new("--seconds") { Description = "Length of a window in whole seconds.", DefaultValueFactory = _ => 1 };

    private static readonly Option<int> WarmUp = new("--warm-up") { Description = "Seconds before the first cell.", DefaultValueFactory = _ => 3 };

    private static readonly Option<string?> Only = new("--only") { Description = "Only cells whose name contains this." };

    private static readonly Option<string?> Save = new("--save-baseline") { Description = "Save as bench/results/NAME.json too, besides last.json." };

    private static readonly Option<string?> Baseline = new("--baseline") { Description = "Compare with bench/results/NAME.json." };

    public static Command Http() => Suite(
        "http", "HTTP through the server to a worker.", "req",
        (subject, options, folder, report, cancellation) => new HttpSuite(subject, options, folder, report).RunAsync(cancellation));

    public static Command Invoke() => Suite(
        "invoke", "Worker to worker through the server.", "op",
        (subject, options, folder, report, cancellation) => new InvokeSuite(subject, ClientKind.Tuned, options, folder, report).RunAsync(cancellation));

    public static Command Sdk() => Suite(
        "sdk", "Worker to worker on the SDK, through the server; the relay keeps its tuned clients.", "op",
        (subject, options, folder, report, cancellation) => new SdkSuite(subject, options, folder, report).RunAsync(cancellation));

    private static Command Suite(string name, string description, string operation, SuiteRun run)
    {
        var command = new Command(name, description) { Engine, Subject, Pairs, Seconds, WarmUp, Only, Save, Baseline };
        command.SetAction((parsed, cancellation) => RunAsync(parsed, new Report(Console.Out, operation), run, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Report report, SuiteRun run, CancellationToken cancellation)
    {
        // Read first: a wrong name should not cost minutes.
        var baseline = parsed.GetValue(Baseline) is { } name ? ResultFile.Load(BenchFolder.Results, name) : null;
        var options = new SuiteOptions(
            parsed.GetValue(Pairs), parsed.GetValue(Seconds), parsed.GetValue(WarmUp), parsed.GetValue(Only));
        using var folder = new WorkFolder();
        var cells = await run(SubjectOf(parsed), options, folder.Path, report, cancellation);

        ResultFile.Save(BenchFolder.Results, LatestResult, cells);
        if (parsed.GetValue(Save) is { } saved)
        {
            ResultFile.Save(BenchFolder.Results, saved, cells);
        }

        var regressions = baseline is null ? 0 : new Comparison(Console.Out).Write(baseline.Cells, cells);
        return cells.Any(cell => cell.Subject.Errors + cell.Twin.Errors > 0) ? FailedOperations
            : regressions > 0 ? Regressed
            : 0;
    }

    private static ServerKind SubjectOf(ParseResult parsed)
    {
        if (parsed.GetValue(Subject) == "relay")
        {
            return ServerKind.Relay;
        }

        var binary = Path.GetFullPath(parsed.GetRequiredValue(Engine));
        return File.Exists(binary)
            ? ServerKind.Engine(binary)
            : throw new FileNotFoundException($"There is no engine at {binary}. Build it with -c Release, or name it with --engine.");
    }

    private delegate Task<IReadOnlyList<CellResult>> SuiteRun(
        ServerKind subject, SuiteOptions options, string workFolder, Report report, CancellationToken cancellation);
}
