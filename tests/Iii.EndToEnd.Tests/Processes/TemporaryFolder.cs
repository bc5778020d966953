namespace Iii.EndToEnd.Tests.Processes;

/// <summary>An empty folder that goes with its owner.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string FullPath { get; } = Directory.CreateTempSubdirectory("iii-test-").FullName;

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, string content)
    {
        var path = Path.Combine(FullPath, name);
        File.WriteAllText(path, content);
        return path;
    }

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
