using Iii.Bench.Suites;

namespace Iii.Bench.Results;

/// <summary>One cell of a suite: both sides, and the ratio of their rates as the median over the pairs.</summary>
internal sealed record CellResult(
    string Cell, double Ratio, double LowestRatio, double HighestRatio, double ForeignCores, SideResult Subject, SideResult Twin)
{
    public static CellResult Of(
        string cell, (string Name, IReadOnlyList<Window> Windows) subject, (string Name, IReadOnlyList<Window> Windows) twin)
    {
        var ratios = subject.Windows.Zip(twin.Windows, (left, right) => left.Rate / right.Rate).ToList();
        return new CellResult(
            cell, Median.Of(ratios), ratios.Min(), ratios.Max(),
            subject.Windows.Concat(twin.Windows).Max(window => window.ForeignCores),
            SideResult.Of(subject.Name, subject.Windows),
            SideResult.Of(twin.Name, twin.Windows));
    }
}
