using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Iii.Architecture.Tests;

/// <summary>Every build gets the same packages: versions stand in one place, exactly, and lock files hold the rest.</summary>
public partial class PackageTests
{
    [Fact]
    public void Central_versions_are_exact()
    {
        var versions = Repository.Xml("Directory.Packages.props").Descendants("PackageVersion").ToArray();

        Assert.NotEmpty(versions);
        Assert.All(versions, static package => Assert.Matches(Exact(), package.Attribute("Version")?.Value));
    }

    [Fact]
    public void Only_the_central_file_has_versions()
    {
        var files = Repository.Files("*.csproj").Concat(Repository.Files("*.props")).Concat(Repository.Files("*.targets"))
            .Where(static file => Path.GetFileName(file) != "Directory.Packages.props");
        var versioned = files.SelectMany(static file => XDocument.Load(file).Descendants()
            .Where(static element => element.Name.LocalName is "PackageReference" or "PackageVersion" or "GlobalPackageReference"
                && (element.Attribute("Version") ?? element.Attribute("VersionOverride")) is not null)
            .Select(element => $"{Repository.Relative(file)}: {element}"));

        Assert.Empty(versioned);
    }

    [Fact]
    public void Every_project_has_a_lock_file() =>
        Assert.All(Project.All, static project => Assert.True(
            File.Exists(Path.Combine(project.Folder, "packages.lock.json")), $"{project} has no packages.lock.json. Run `dotnet restore`."));

    [Fact]
    public void Every_set_of_npm_packages_has_a_lock_file_and_exact_versions() =>
        Assert.All(Repository.Files("package.json"), static file =>
        {
            Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(file)!, "package-lock.json")), $"{Repository.Relative(file)} has no lock file.");
            using var content = JsonDocument.Parse(File.ReadAllText(file));
            foreach (var section in new[] { "dependencies", "devDependencies" })
            {
                if (content.RootElement.TryGetProperty(section, out var packages))
                {
                    Assert.All(packages.EnumerateObject(), static package => Assert.Matches(ExactNpm(), package.Value.GetString()));
                }
            }
        });

    [Fact]
    public void No_lock_file_names_a_registry()
    {
        var locks = Repository.Files("packages.lock.json").Concat(Repository.Files("package-lock.json")).ToArray();

        Assert.NotEmpty(locks);
        Assert.All(locks, static file =>
        {
            using var content = JsonDocument.Parse(File.ReadAllText(file));
            Assert.Empty(Addresses(content.RootElement, "").Select(address => $"{Repository.Relative(file)}: {address}"));
        });
    }

    /// <summary>The addresses in a lock file, without those where the authors of a package take donations.</summary>
    private static IEnumerable<string> Addresses(JsonElement element, string path) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject()
            .Where(static member => member.Name != "funding")
            .SelectMany(member => Addresses(member.Value, $"{path}/{member.Name}")),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(item => Addresses(item, path)),
        JsonValueKind.String when Address().IsMatch(element.GetString()!) => [$"{path} = {element.GetString()}"],
        _ => [],
    };

    [GeneratedRegex(@"^\[[0-9][^,\[\]()*]*\]$")]
    private static partial Regex Exact();

    [GeneratedRegex(@"^(npm:(@[\w.-]+/)?[\w.-]+@)?\d+\.\d+\.\d+[\w.+-]*$")]
    private static partial Regex ExactNpm();

    [GeneratedRegex("://")]
    private static partial Regex Address();
}
