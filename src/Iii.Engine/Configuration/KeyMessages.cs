namespace Iii.Engine.Configuration;

/// <summary>What is said about keys, the same everywhere.</summary>
internal static class KeyMessages
{
    public static string Unknown(string path, string key, IReadOnlyCollection<string> known) =>
        $"{Prefix(path)}unknown key {DisplayText.Quote(key)}{NearName.Hint(key, known)} Known keys: {string.Join(", ", known)}.";

    public static string Prefix(string path) => path.Length == 0 ? "" : path + ": ";
}
