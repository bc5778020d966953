namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>Ids that no other test has, for all that tests register with an engine they share.</summary>
internal static class Ids
{
    private static int s_last;

    public static string New(string name) => $"{name}.{Interlocked.Increment(ref s_last)}";
}
