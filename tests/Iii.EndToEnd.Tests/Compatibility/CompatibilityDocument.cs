using System.Text;

namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>docs/compatibility.md, written from what the matrix test saw.</summary>
internal static class CompatibilityDocument
{
    /// <summary>Set to 1, it lets the test write the document instead of comparing it.</summary>
    public const string UpdateVariable = "III_UPDATE_COMPATIBILITY";

    public static string FullPath { get; } = Path.Combine(Repository.Root, "docs", "compatibility.md");

    public static string Render(IReadOnlyList<Cell> cells)
    {
        var text = new StringBuilder();
        text.Append(
            $"""
            # Compatibility

            What the published versions of the npm package `iii-sdk` can do with this engine: workers of all of them, unchanged, connected
            to one engine at once. The end-to-end test `CompatibilityTests` writes this table from what it sees, and fails when it sees
            anything else; `{UpdateVariable}=1 ./test.sh CompatibilityTests` writes it anew.

            ✓ works · – not offered by that version of the SDK{(cells.Any(IsMissing) ? " · ✗ not in this version of the engine yet" : "")}


            """);
        text.AppendLine($"| | {string.Join(" | ", Sdks.All)} |");
        text.AppendLine($"|---|{string.Concat(Enumerable.Repeat(":-:|", Sdks.All.Length))}");
        foreach (var row in cells.GroupBy(static cell => cell.Feature))
        {
            text.AppendLine($"| {row.Key.Name} | {string.Join(" | ", row.Select(static cell => Mark(cell.Seen)))} |");
        }

        text.Append(
            """

            Calls that are under way when the engine is killed end with the time limit of the SDK (30 s by default); calls that a worker
            makes while there is no engine wait until there is one.

            ## motia

            The framework `motia` 1.0.0-rc.26, which sits on `iii-sdk` 0.3.0, works: the test `MotiaTests` builds an app with one API step
            by `motia dev`, starts it with `III_URL` set to the engine's address, and sends it a request.

            """);
        return text.ToString().ReplaceLineEndings("\n");
    }

    private static bool IsMissing(Cell cell) => cell.Seen == Seen.Fails;

    private static string Mark(Seen seen) => seen switch
    {
        Seen.Works => "✓",
        Seen.NotOffered => "–",
        Seen.Fails => "✗",
        _ => throw new ArgumentOutOfRangeException(nameof(seen), seen, "no such mark"),
    };
}
