using System.Text.Json.Nodes;

namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>Every feature with every version of the SDK, all connected to one engine at once; written to docs/compatibility.md.</summary>
public class CompatibilityTests
{
    [Fact]
    public async Task Every_version_does_all_that_it_offers()
    {
        var cells = new List<Cell>();
        await using (var fleet = await Fleet.StartAsync())
        {
            foreach (var feature in Features.All)
            {
                foreach (var sdk in Sdks.All)
                {
                    cells.Add(await SeeAsync(fleet, feature, sdk));
                }
            }
        }

        var problems = cells.Select(Problem).OfType<string>().ToArray();
        Assert.True(problems.Length == 0, $"{problems.Length} of {cells.Count} cells are not as expected:\n{string.Join('\n', problems)}");
        await AssertDocumentAsync(CompatibilityDocument.Render(cells));
    }

    private static async Task<Cell> SeeAsync(Fleet fleet, Feature feature, string sdk)
    {
        try
        {
            if (feature.Method is { } method)
            {
                var has = await fleet[sdk].AskAsync("has", new JsonObject { ["method"] = method });
                Assert.True(feature.IsOfferedBy(sdk) == has.GetBoolean(), $"{method} is {(has.GetBoolean() ? "offered" : "not offered")}");
            }

            if (!feature.IsOfferedBy(sdk))
            {
                return new Cell(feature, sdk, Seen.NotOffered);
            }

            await feature.CheckAsync(fleet, sdk);
            return new Cell(feature, sdk, Seen.Works);
        }
        catch (Exception e) when (e is not OperationCanceledException || !TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return new Cell(feature, sdk, Seen.Fails, $"{e.GetType().Name}: {e.Message}");
        }
    }

    /// <summary>What is wrong with a cell; null when it is as expected.</summary>
    private static string? Problem(Cell cell) =>
        cell.Seen == Seen.Fails ? $"- {cell.Feature.Name}, {cell.Sdk}: {cell.Problem}" : null;

    private static async Task AssertDocumentAsync(string document)
    {
        if (Environment.GetEnvironmentVariable(CompatibilityDocument.UpdateVariable) == "1")
        {
            await File.WriteAllTextAsync(CompatibilityDocument.FullPath, document, TestContext.Current.CancellationToken);
        }

        var committed = File.Exists(CompatibilityDocument.FullPath)
            ? await File.ReadAllTextAsync(CompatibilityDocument.FullPath, TestContext.Current.CancellationToken)
            : "";
        Assert.True(
            committed == document,
            $"docs/compatibility.md is not what was seen. Run this test with {CompatibilityDocument.UpdateVariable}=1 to write it:\n{document}");
    }
}
