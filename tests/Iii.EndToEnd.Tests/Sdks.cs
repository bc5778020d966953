namespace Iii.EndToEnd.Tests;

/// <summary>The published versions of <c>iii-sdk</c> that the engine serves, oldest first.</summary>
internal static class Sdks
{
    /// <summary>The version that most tests use, where any would do.</summary>
    public const string Usual = "0.11.6";

    public static readonly string[] All = ["0.2.1", "0.3.0", "0.9.0", "0.11.2", "0.11.6", "0.22.1"];

    public static TheoryData<string> Each => [.. All];

    /// <summary>Every version with every version, itself included.</summary>
    public static TheoryData<string, string> Pairs =>
        [.. All.SelectMany(static caller => All.Select(callee => (caller, callee)))];
}
