namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>
/// The features whose part of the engine is not there yet. They are checked like all others, and the matrix test fails when one
/// of them works: then its entry here is to be removed.
/// </summary>
internal static class PendingCells
{
    private static readonly string[] s_features =
    [
        Features.StreamedResponse,
        Features.Upload,
        Features.Channels,
    ];

    public static bool Contains(string feature) => s_features.Contains(feature);
}
