namespace Iii.Broker;

/// <summary>What an update did.</summary>
/// <param name="Previous">What was there before; null when nothing was.</param>
/// <param name="Current">What is there now; null when it was deleted.</param>
public sealed record StateUpdate(StateEntry? Previous, StateEntry? Current);
