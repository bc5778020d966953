namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>What was seen of one feature with one version.</summary>
internal enum Seen
{
    Works,
    NotOffered,
    Fails,
}

/// <summary>A cell of the matrix.</summary>
/// <param name="Feature">The row.</param>
/// <param name="Sdk">The column.</param>
/// <param name="Seen">What was seen.</param>
/// <param name="Problem">What went wrong; null when nothing did.</param>
internal sealed record Cell(Feature Feature, string Sdk, Seen Seen, string? Problem = null);
