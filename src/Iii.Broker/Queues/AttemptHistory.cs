namespace Iii.Broker;

/// <summary>What every adapter does with the failed attempts that a message remembers, written once.</summary>
public static class AttemptHistory
{
    /// <summary>What is remembered of an attempt whose consumer is gone.</summary>
    public static AttemptFailure Lost { get; } = new(AttemptFailure.ConsumerLost, "The consumer vanished or stopped before it gave a verdict.");

    /// <summary>One more; beyond <see cref="BrokerLimits.MaxRememberedFailures"/> the oldest is forgotten.</summary>
    public static IReadOnlyList<AttemptRecord> With(this IReadOnlyList<AttemptRecord> failures, AttemptRecord failure) =>
        [.. failures.TakeLast(BrokerLimits.MaxRememberedFailures - 1), failure];

    /// <summary>With attempts that nobody gave a verdict for.</summary>
    /// <param name="failures">What is remembered of the attempts before.</param>
    /// <param name="first">The number of the first that was lost.</param>
    /// <param name="last">That of the last one; smaller than <paramref name="first"/> when there was none.</param>
    /// <param name="at">When that was noticed.</param>
    public static IReadOnlyList<AttemptRecord> WithLost(this IReadOnlyList<AttemptRecord> failures, int first, int last, DateTimeOffset at)
    {
        for (var attempt = Math.Max(first, last + 1 - BrokerLimits.MaxRememberedFailures); attempt <= last; attempt++)
        {
            failures = failures.With(new AttemptRecord(attempt, at, Lost));
        }

        return failures;
    }
}
