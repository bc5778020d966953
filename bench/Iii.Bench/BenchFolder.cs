namespace Iii.Bench;

/// <summary>Where the files of the bench lie, found upwards from the program.</summary>
internal static class BenchFolder
{
    private static readonly Lazy<string> Root = new(FindRoot);

    public static string NodeWorker => Path.Combine(Root.Value, "bench", "node", "worker.mjs");

    public static string BullMq => Path.Combine(Root.Value, "bench", "node", "bullmq.mjs");

    public static string WrkScript => Path.Combine(Root.Value, "bench", "wrk", "add.lua");

    public static string Results => Path.Combine(Root.Value, "bench", "results");

    public static string EngineBinary => Path.Combine(Root.Value, "src", "Iii.Cli", "bin", "Release", "net10.0", "iii");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Iii.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No Iii.sln above {AppContext.BaseDirectory}: run the bench from its checkout.");
    }
}
