using Iii.Bench.Results;

namespace Iii.Bench.Startup;

/// <summary>The medians over several starts, next to the bars they must meet.</summary>
internal sealed class StartupSummary(IReadOnlyList<StartupRun> runs)
{
    private const double ReadyBarMs = 100;
    private const double IdleBarMiB = 45;

    public bool MeetsBars => MedianOf(run => run.HttpMs) <= ReadyBarMs && MedianOf(run => run.IdleMiB) <= IdleBarMiB;

    public void Write(TextWriter output)
    {
        output.WriteLine($"{runs.Count} starts                 median      lowest     highest");
        output.WriteLine(Line("first HTTP answer, ms", run => run.HttpMs));
        output.WriteLine(Line("worker port answers, ms", run => run.WorkerPortMs));
        output.WriteLine(Line("idle memory, MiB", run => run.IdleMiB));
        output.WriteLine($"bars: ready <= {ReadyBarMs} ms, idle <= {IdleBarMiB} MiB: {(MeetsBars ? "met" : "MISSED")}");
    }

    private string Line(string name, Func<StartupRun, double> figure) =>
        $"{name,-24} {MedianOf(figure),11:0.0} {runs.Min(figure),11:0.0} {runs.Max(figure),11:0.0}";

    private double MedianOf(Func<StartupRun, double> figure) => Median.Of(runs.Select(figure));
}
