namespace Iii.Broker;

/// <summary>What a write did.</summary>
/// <param name="IsApplied">False when the condition did not hold; then nothing was changed.</param>
/// <param name="Previous">What was there when the call took effect: the old entry, or the one that contradicts the condition.</param>
/// <param name="Version">The version that is there now; 0 when there is none.</param>
public sealed record StateWrite(bool IsApplied, StateEntry? Previous, long Version);
