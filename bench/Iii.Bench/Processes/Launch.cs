namespace Iii.Bench.Processes;

/// <summary>What to start.</summary>
internal sealed record Launch(string Name, string File, params IReadOnlyList<string> Arguments)
{
    private static readonly Dictionary<string, string> NoVariables = [];

    public IReadOnlyDictionary<string, string> Environment { get; init; } = NoVariables;
}
