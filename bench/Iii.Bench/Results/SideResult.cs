using Iii.Bench.Suites;

namespace Iii.Bench.Results;

/// <summary>The medians of one side's windows; errors are summed.</summary>
internal sealed record SideResult(
    string Name,
    double Rate,
    double P50Us,
    double P99Us,
    double ServerCpuUs,
    double WorkerCpuUs,
    double ClientCpuUs,
    double? AllocatedBytes,
    long Errors)
{
    public static SideResult Of(string name, IReadOnlyList<Window> windows) => new(
        name,
        Median.Of(windows.Select(window => window.Rate)),
        Median.Of(windows.Select(window => window.P50Us)),
        Median.Of(windows.Select(window => window.P99Us)),
        Median.Of(windows.Select(window => window.ServerCpuUs)),
        Median.Of(windows.Select(window => window.WorkerCpuUs)),
        Median.Of(windows.Select(window => window.ClientCpuUs)),
        windows.All(window => window.AllocatedBytes is not null) ? Median.Of(windows.Select(window => window.AllocatedBytes!.Value)) : null,
        windows.Sum(window => window.Errors));
}
