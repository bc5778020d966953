namespace Iii.Bench.Suites;

/// <summary>How long to measure, and which cells: those whose name contains <paramref name="Only"/>.</summary>
internal sealed record SuiteOptions(int Pairs, int Seconds, int WarmUpSeconds, string? Only)
{
    public bool Wants(string cell) => Only is null || cell.Contains(Only, StringComparison.OrdinalIgnoreCase);
}
