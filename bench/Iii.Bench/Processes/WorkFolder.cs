namespace Iii.Bench.Processes;

/// <summary>A temporary folder for logs, sockets and configuration files, gone at the end.</summary>
internal sealed class WorkFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("iii-bench-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
