using System.Xml.Linq;

namespace Iii.Architecture.Tests;

/// <summary>The files of the working copy that these tests were built from.</summary>
internal static class Repository
{
    /// <summary>Folders of what is fetched, built or run, and is not part of the repository.</summary>
    private static readonly string[] s_foreign = ["bin", "obj", "node_modules", "artifacts", "data"];

    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The files of the repository with such a name.</summary>
    public static IEnumerable<string> Files(string pattern) => Files(new DirectoryInfo(Root), pattern);

    /// <summary>The folders below a folder of the repository.</summary>
    public static IEnumerable<DirectoryInfo> Folders(string under) => Folders(new DirectoryInfo(Path.Combine(Root, under)));

    /// <summary>The path as people write it.</summary>
    public static string Relative(string path) => Path.GetRelativePath(Root, path);

    public static XDocument Xml(string name) => XDocument.Load(Path.Combine(Root, name));

    private static IEnumerable<string> Files(DirectoryInfo folder, string pattern) =>
        Folders(folder).Prepend(folder).SelectMany(inner => inner.EnumerateFiles(pattern)).Select(static file => file.FullName);

    private static IEnumerable<DirectoryInfo> Folders(DirectoryInfo folder) =>
        folder.EnumerateDirectories()
            .Where(static inner => !s_foreign.Contains(inner.Name) && !inner.Name.StartsWith('.'))
            .SelectMany(static inner => Folders(inner).Prepend(inner));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Iii.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Iii.sln above {AppContext.BaseDirectory}: these tests run inside a working copy.");
    }
}
