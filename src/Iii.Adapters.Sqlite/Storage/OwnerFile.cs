using System.Globalization;

namespace Iii.Adapters.Sqlite.Storage;

/// <summary>
/// Says beside the file which process holds it, for the message to whoever wants it too. It is no lock: the lock is SQLite's, and
/// ends with the process, so what a killed one leaves here harms nothing.
/// </summary>
internal sealed class OwnerFile(string databasePath)
{
    private readonly string _path = PathOf(databasePath);

    /// <summary>Who holds the file, in words.</summary>
    public static string Describe(string databasePath)
    {
        try
        {
            return $"process {int.Parse(File.ReadAllText(PathOf(databasePath)), CultureInfo.InvariantCulture)}";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            return "another process";
        }
    }

    public void Write() => Attempt(() => File.WriteAllText(_path, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));

    public void Delete() => Attempt(() => File.Delete(_path));

    private static string PathOf(string databasePath) => databasePath + ".owner";

    /// <summary>A full disk is no reason to refuse the file, or to keep it open: without this one a message says less, no more.</summary>
    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
