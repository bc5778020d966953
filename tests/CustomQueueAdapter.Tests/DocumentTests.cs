using System.Text.RegularExpressions;

namespace CustomQueueAdapter.Tests;

/// <summary>What docs/writing-an-adapter.md shows is what is compiled and tested here.</summary>
public partial class DocumentTests
{
    private static readonly string[] Sources = [.. SourcesIn("examples", "CustomQueueAdapter").Concat(SourcesIn("tests", "CustomQueueAdapter.Tests"))];

    public static TheoryData<string> BlocksOfCode =>
    [
        .. Blocks().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "writing-an-adapter.md")))
            .Where(static block => block.Groups["language"].Value != "sh").Select(static block => block.Groups["code"].Value),
    ];

    [Theory]
    [MemberData(nameof(BlocksOfCode))]
    public void Block_of_code_is_taken_from_the_example(string code) => Assert.True(
        Sources.Any(source => source.Contains(WithoutIndentation(code), StringComparison.Ordinal)),
        $"This is nowhere in the example or its tests; copy it anew from there:\n{code}");

    [Fact]
    public void Document_shows_the_adapter_its_registration_its_configuration_and_its_test()
    {
        var all = string.Concat(BlocksOfCode.Select(static row => row.Data));

        Assert.All(
            ["BrokerFeatures Features", ": IBrokerAdapter", ": QueueBrokerSpecs", "EngineProcess.RunAsync", "name: directory"],
            expected => Assert.Contains(expected, all, StringComparison.Ordinal));
    }

    private static IEnumerable<string> SourcesIn(params string[] folder) =>
        new DirectoryInfo(Path.Combine([Repository.Root, .. folder])).EnumerateFiles()
            .Where(static file => file.Extension is ".cs" or ".yaml")
            .Select(static file => WithoutIndentation(File.ReadAllText(file.FullName)));

    private static string WithoutIndentation(string text) => Indentation().Replace(text, "").Trim();

    [GeneratedRegex(@"^```(?<language>\w+)\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex("^ +", RegexOptions.Multiline)]
    private static partial Regex Indentation();
}
