namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>What a history shows.</summary>
/// <param name="Lost">Accepted jobs that nobody handled.</param>
/// <param name="Unexplained">Jobs handled again although nothing was killed that could have hidden the first time.</param>
/// <param name="Misordered">Handlings that broke the order of their key.</param>
/// <param name="Doubled">Handlings beyond the first of their job that a kill explains.</param>
internal sealed record HistoryVerdict(
    IReadOnlyList<JobName> Lost, IReadOnlyList<JobName> Unexplained, IReadOnlyList<Handling> Misordered, int Doubled)
{
    public bool IsGood => Lost.Count + Unexplained.Count + Misordered.Count == 0;

    public override string ToString() =>
        $"{Text("lost", Lost)}, {Text("handled twice without a kill", Unexplained)}, {Text("out of order", Misordered)}, "
        + $"{Doubled} handled again after a kill";

    private static string Text<T>(string what, IReadOnlyList<T> found) =>
        found.Count == 0 ? $"0 {what}" : $"{found.Count} {what} ({string.Join(", ", found.Take(5))})";
}
