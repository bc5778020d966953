using System.Net;
using System.Text.RegularExpressions;

namespace Iii.Sdk.Tests;

/// <summary>The code of the documentation is code that compiles: each block stands in Examples as well.</summary>
public partial class DocumentationTests
{
    private static readonly string s_root = FindRoot();

    private static readonly string s_examples = string.Concat(
        Directory.EnumerateFiles(Path.Combine(s_root, "tests/Iii.Sdk.Tests/Examples"), "*.cs").Order().Select(file => Plain(File.ReadAllText(file))));

    public static TheoryData<string, string> Blocks
    {
        get
        {
            var blocks = new TheoryData<string, string>();
            foreach (var file in Directory.EnumerateFiles(Path.Combine(s_root, "src"), "*.cs", SearchOption.AllDirectories)
                .Where(static file => file.Contains("Iii.Sdk", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal)))
            {
                foreach (Match block in XmlCode().Matches(File.ReadAllText(file)))
                {
                    blocks.Add(Path.GetFileName(file), WebUtility.HtmlDecode(block.Groups[1].Value.Replace("///", "", StringComparison.Ordinal)));
                }
            }

            foreach (Match block in MarkdownCode().Matches(File.ReadAllText(Path.Combine(s_root, "docs/sdk.md"))))
            {
                blocks.Add("sdk.md", block.Groups[1].Value);
            }

            return blocks;
        }
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public void Code_of_the_documentation_compiles(string file, string code) =>
        Assert.True(s_examples.Contains(Plain(code), StringComparison.Ordinal), $"{file}: this block is not in Examples:\n{code}");

    [Fact]
    public void There_is_code_in_the_documentation() => Assert.True(Blocks.Count > 15);

    /// <summary>Without white space, so that indentation does not count.</summary>
    private static string Plain(string code) => White().Replace(code, "");

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Iii.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("These tests run inside a working copy.");
        }

        return folder.FullName;
    }

    [GeneratedRegex(@"<code>(.*?)</code>", RegexOptions.Singleline)]
    private static partial Regex XmlCode();

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex MarkdownCode();

    [GeneratedRegex(@"\s+")]
    private static partial Regex White();
}
