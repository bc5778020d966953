namespace Iii.Broker;

/// <summary>One failed attempt, as the adapter remembers it.</summary>
/// <param name="Attempt">Its number, from 1.</param>
/// <param name="At">When it ended, by the adapter's clock.</param>
/// <param name="Failure">Why.</param>
public sealed record AttemptRecord(int Attempt, DateTimeOffset At, AttemptFailure Failure);
