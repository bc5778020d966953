using System.Text.RegularExpressions;

namespace Iii.Architecture.Tests;

/// <summary>What docs/writing-an-adapter.md promises: an adapter is small, because the rest is there already.</summary>
public partial class ExampleTests
{
    private const int MostLines = 200;
    private const int LongestLine = 140;

    /// <summary>Registration and configuration.</summary>
    private static readonly string[] s_notTheAdapter = ["Program.cs", "DirectoryAdapter.cs", "DirectoryQueueOptions.cs"];

    private static IEnumerable<string> Files =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "examples", "CustomQueueAdapter"), "*.cs");

    [Fact]
    public void Example_of_an_adapter_has_at_most_200_lines()
    {
        var lines = Files.Where(static file => !s_notTheAdapter.Contains(Path.GetFileName(file)))
            .SelectMany(File.ReadLines)
            .Count(static line => !Uncounted().IsMatch(line));

        Assert.InRange(lines, 1, MostLines);
    }

    [Fact]
    public void Example_of_an_adapter_is_not_short_for_its_lines_are_long() => Assert.Empty(
        Files.SelectMany(static file => File.ReadLines(file).Where(static line => line.Length > LongestLine).Select(line => $"{Repository.Relative(file)}: {line}")));

    /// <summary>Blank lines, comments, and lines of braces alone.</summary>
    [GeneratedRegex(@"^\s*(//.*|[{}()\[\];,]*)$")]
    private static partial Regex Uncounted();
}
