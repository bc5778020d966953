using System.Globalization;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>What Redis is to be told of one delivery that has ended.</summary>
internal readonly record struct Settlement(QueueRun Run, RedisValue Verdict, RedisValue Failure)
{
    private static readonly RedisValue s_acknowledge = "a";
    private static readonly RedisValue s_dead = "d";

    /// <summary>Whether it is what mostly is: the first delivery, acknowledged.</summary>
    public bool IsPlain => Run.Number == 1 && Verdict == s_acknowledge;

    public static Settlement Acknowledge(QueueRun run) => new(run, s_acknowledge, RedisValue.EmptyString);

    public static Settlement Retry(QueueRun run, TimeSpan delay, AttemptFailure? failure) => new(
        run,
        string.Create(CultureInfo.InvariantCulture, $"r{Math.Ceiling(delay.TotalMilliseconds):0}"),
        failure is null ? RedisValue.EmptyString : Line(run, failure));

    public static Settlement Dead(QueueRun run, AttemptFailure reason) => new(run, s_dead, Line(run, reason));

    private static string Line(QueueRun run, AttemptFailure failure) =>
        MessageHistory.Write(run.Delivery.Attempt, failure, DateTimeOffset.UtcNow);
}
