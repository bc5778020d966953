namespace Iii.Bench.Results;

/// <summary>
/// Compares results with a saved baseline. A cell regresses when its ratio falls, or its server CPU per operation
/// grows, by more than a tenth. A hint says when the difference may be noise.
/// </summary>
internal sealed class Comparison(TextWriter output)
{
    private const double Tolerance = 0.10;

    /// <summary>Prints every known cell; returns how many regressed without a hint of noise.</summary>
    public int Write(IReadOnlyList<CellResult> baseline, IReadOnlyList<CellResult> current)
    {
        var regressions = 0;
        output.WriteLine();
        output.WriteLine($"{"against the baseline",-22} {"ratio",21} {"CPU us/op",22}");
        foreach (var now in current)
        {
            if (baseline.FirstOrDefault(cell => cell.Cell == now.Cell) is { } then)
            {
                regressions += WriteCell(then, now) ? 1 : 0;
            }
            else
            {
                output.WriteLine($"{now.Cell,-22} new");
            }
        }

        return regressions;
    }

    private bool WriteCell(CellResult then, CellResult now)
    {
        var ratio = now.Ratio / then.Ratio - 1;
        var cpu = now.Subject.ServerCpuUs / then.Subject.ServerCpuUs - 1;
        var twinCpu = now.Twin.ServerCpuUs / then.Twin.ServerCpuUs - 1;
        var ratioFell = ratio < -Tolerance;
        var cpuGrew = cpu > Tolerance;

        var hints = new List<string>();
        if (ratioFell && now.HighestRatio >= then.LowestRatio)
        {
            hints.Add("the ratios of both runs overlap: noise?");
        }

        if (cpuGrew && twinCpu > cpu / 2)
        {
            hints.Add($"the twin's CPU moved {twinCpu:+0%;-0%} too: the machine?");
        }

        // Each excuse covers its own figure only.
        var regressed = (ratioFell && now.HighestRatio < then.LowestRatio) || (cpuGrew && twinCpu <= cpu / 2);
        var verdict = regressed ? "REGRESSION" : ratioFell || cpuGrew ? "worse" : "";
        output.WriteLine(
            $"{now.Cell,-22} {then.Ratio,6:0.00} > {now.Ratio,4:0.00} {ratio,7:+0%;-0%;0%} "
            + $"{then.Subject.ServerCpuUs,6:0.0} > {now.Subject.ServerCpuUs,5:0.0} {cpu,7:+0%;-0%;0%}  {verdict} {string.Join("; ", hints)}");
        return regressed;
    }
}
