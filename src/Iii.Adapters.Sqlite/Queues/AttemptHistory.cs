using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>The failed attempts that a message remembers.</summary>
internal static class AttemptHistory
{
    /// <summary>One more; beyond <see cref="BrokerLimits.MaxRememberedFailures"/> the oldest is forgotten.</summary>
    public static IReadOnlyList<AttemptRecord> Append(
        IReadOnlyList<AttemptRecord> failures, int attempt, DateTimeOffset at, AttemptFailure failure) =>
        [.. failures.TakeLast(BrokerLimits.MaxRememberedFailures - 1), new AttemptRecord(attempt, at, failure)];
}
