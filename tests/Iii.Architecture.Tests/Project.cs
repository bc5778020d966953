using System.Xml.Linq;

namespace Iii.Architecture.Tests;

/// <summary>One project of the solution, as its file says.</summary>
internal sealed class Project
{
    private readonly XDocument _content;

    private Project(string file)
    {
        File = file;
        Folder = Path.GetDirectoryName(file)!;
        Name = Path.GetFileNameWithoutExtension(file);
        Area = Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar)[0];
        _content = XDocument.Load(file);
    }

    /// <summary>All projects of the repository.</summary>
    public static IReadOnlyList<Project> All { get; } =
        [.. Repository.Files("*.csproj").Select(static file => new Project(file)).OrderBy(static project => project.Name, StringComparer.Ordinal)];

    /// <summary>The projects that are shipped.</summary>
    public static IEnumerable<Project> Shipped => All.Where(static project => project.Area == "src");

    public string File { get; }

    public string Folder { get; }

    public string Name { get; }

    /// <summary>The folder at the top that holds it: <c>src</c>, <c>tests</c>, <c>bench</c> or <c>examples</c>.</summary>
    public string Area { get; }

    /// <summary>The projects that it references.</summary>
    public IEnumerable<Project> References => Items("ProjectReference").Select(include =>
    {
        var file = Path.GetFullPath(Path.Combine(Folder, include.Replace('\\', Path.DirectorySeparatorChar)));
        return All.SingleOrDefault(project => project.File == file)
            ?? throw new InvalidOperationException($"{Name} references {include}, which is no project of this repository.");
    });

    /// <summary>The values of all properties with a name, whatever their conditions.</summary>
    public IEnumerable<string> Properties(string name) => Elements(name).Select(static element => element.Value.Trim());

    /// <summary>All elements with a name.</summary>
    public IEnumerable<XElement> Elements(string name) => _content.Descendants().Where(element => element.Name.LocalName == name);

    public override string ToString() => Name;

    private IEnumerable<string> Items(string name) =>
        Elements(name).Select(static element => (string?)element.Attribute("Include")).OfType<string>();
}
