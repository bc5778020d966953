namespace Iii.Architecture.Tests;

public class ShippedProjectTests
{
    /// <summary>The library underneath needs reflection: the adapter has it, and a command of its own.</summary>
    private static readonly string[] s_notAheadOfTime = ["Iii.Adapters.MassTransit", "Iii.Cli.MassTransit"];

    private static readonly string[] s_foldersWithoutAName = ["Helpers", "Utils", "Utilities", "Common", "Models", "Services"];

    [Fact]
    public void Build_law_makes_shipped_projects_fit_for_ahead_of_time_compilation()
    {
        var shipped = Repository.Xml("Directory.Build.props").Descendants("PropertyGroup")
            .Single(static group => group.Element("IsShipped")?.Value == "true");

        Assert.Equal("true", shipped.Element("IsAotCompatible")?.Value);
        Assert.Equal("'$(IsShipped)' == ''", shipped.Attribute("Condition")?.Value);
    }

    [Fact]
    public void No_shipped_project_opts_out_of_ahead_of_time_compilation() =>
        Assert.All(Project.Shipped.Where(static project => !s_notAheadOfTime.Contains(project.Name)), static project =>
        {
            Assert.DoesNotContain("false", project.Properties("IsAotCompatible"));
            Assert.DoesNotContain("false", project.Properties("IsShipped"));
            Assert.DoesNotContain("false", project.Properties("EnableAotAnalyzer"));
            Assert.DoesNotContain("false", project.Properties("EnableTrimAnalyzer"));
            Assert.DoesNotContain(project.Properties("NoWarn"), static codes => codes.Contains("IL", StringComparison.Ordinal));
        });

    [Fact]
    public void No_folder_of_the_source_changes_the_build_law() =>
        Assert.Empty(Repository.Folders("src")
            .SelectMany(static folder => folder.EnumerateFiles("Directory.*.*"))
            .Select(static file => Repository.Relative(file.FullName)));

    [Fact]
    public void Warnings_are_errors_and_nothing_turns_that_off()
    {
        var law = Repository.Xml("Directory.Build.props");

        Assert.Equal("true", law.Descendants("TreatWarningsAsErrors").Single().Value);
        Assert.Equal("enable", law.Descendants("Nullable").Single().Value);
        Assert.All(Project.All, static project =>
        {
            Assert.DoesNotContain("false", project.Properties("TreatWarningsAsErrors"));
            Assert.DoesNotContain("disable", project.Properties("Nullable"));
        });
    }

    [Fact]
    public void Folders_are_named_after_the_domain() =>
        Assert.Empty(Repository.Folders("src")
            .Where(static folder => s_foldersWithoutAName.Contains(folder.Name, StringComparer.OrdinalIgnoreCase))
            .Select(static folder => Repository.Relative(folder.FullName)));

    [Fact]
    public void Solution_holds_every_project()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Iii.sln")).Replace('\\', '/');

        Assert.All(Project.All, project => Assert.Contains($"\"{Repository.Relative(project.File)}\"", solution, StringComparison.Ordinal));
    }
}
