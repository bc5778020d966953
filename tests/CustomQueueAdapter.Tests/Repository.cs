namespace CustomQueueAdapter.Tests;

internal static class Repository
{
    /// <summary>The folder of the working copy that these tests were built from.</summary>
    public static string Root { get; } = FindRoot();

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
