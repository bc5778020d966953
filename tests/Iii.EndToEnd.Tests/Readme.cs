using System.Text.RegularExpressions;

namespace Iii.EndToEnd.Tests;

/// <summary>The code that README.md shows, so that it is run as it is printed.</summary>
internal static partial class Readme
{
    /// <summary>The quick start for a version of the SDK: the first block of JavaScript with a trigger that is written for it.</summary>
    public static string QuickStart(string sdk)
    {
        var (needed, pattern) = sdk switch
        {
            "0.2.1" or "0.3.0" => ("`init` and `registerFunction({ id: … }, …)`", FirstGeneration()),
            "0.9.0" => ("`registerWorker` and `registerFunction({ id: … }, …)`", SecondGeneration()),
            _ => ("`registerWorker` and `registerFunction('…', …)`", ThirdGeneration()),
        };
        var file = Path.Combine(Repository.Root, "README.md");
        Assert.True(File.Exists(file), "There is no README.md to take the quick start from.");
        var block = Blocks().Matches(File.ReadAllText(file))
            .Select(static match => match.Groups["code"].Value)
            .FirstOrDefault(code => code.Contains("registerTrigger", StringComparison.Ordinal) && pattern.IsMatch(code));
        Assert.True(block is not null, $"README.md has no ```js block with `registerTrigger`, {needed}: the quick start for iii-sdk {sdk}.");
        return block;
    }

    [GeneratedRegex(@"^```js[^\n]*\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"\binit\(.*registerFunction\(\s*\{", RegexOptions.Singleline)]
    private static partial Regex FirstGeneration();

    [GeneratedRegex(@"\bregisterWorker\(.*registerFunction\(\s*\{", RegexOptions.Singleline)]
    private static partial Regex SecondGeneration();

    [GeneratedRegex(@"\bregisterWorker\(.*registerFunction\(\s*['""]", RegexOptions.Singleline)]
    private static partial Regex ThirdGeneration();
}
