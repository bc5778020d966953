namespace Iii.Broker.Tests.Queues;

public sealed class AttemptHistoryTests
{
    private const int Most = BrokerLimits.MaxRememberedFailures;

    [Fact]
    public void The_oldest_failure_is_forgotten_when_there_are_too_many()
    {
        var failures = Enumerable.Range(1, Most + 2).Aggregate(
            (IReadOnlyList<AttemptRecord>)[], static (all, attempt) => all.With(new AttemptRecord(attempt, default, AttemptHistory.Lost)));
        Assert.Equal(Enumerable.Range(3, Most), failures.Select(static failure => failure.Attempt));
    }

    [Theory]
    [InlineData(3, 2, 0)]
    [InlineData(3, 3, 1)]
    [InlineData(3, 4, 2)]
    [InlineData(3, int.MaxValue - 1, Most)]
    public void Attempts_without_a_verdict_are_remembered_as_lost(int first, int last, int expected)
    {
        var at = DateTimeOffset.UnixEpoch;
        var known = new AttemptRecord(1, at, new AttemptFailure("boom", ""));
        var failures = ((IReadOnlyList<AttemptRecord>)[known]).WithLost(first, last, at);
        Assert.Equal(
            Enumerable.Range(last - expected + 1, expected).Select(attempt => (attempt, AttemptFailure.ConsumerLost)),
            failures.TakeLast(expected).Select(static failure => (failure.Attempt, failure.Failure.Code)));
        Assert.Equal(expected < Most, failures.Contains(known));
    }

    [Fact]
    public void Dead_letter_has_all_of_the_delivery_and_its_last_failure_as_the_reason()
    {
        var reason = new AttemptFailure("boom", "it failed");
        var delivery = new QueueDelivery
        {
            Queue = "q",
            Group = "g",
            MessageId = "id",
            Attempt = 2,
            EnqueuedAt = DateTimeOffset.UnixEpoch,
            Payload = new byte[] { 1 },
            Headers = new Dictionary<string, string> { ["k"] = "v" },
            OrderingKey = "key",
            Priority = 3,
            Failures = [new AttemptRecord(1, default, AttemptHistory.Lost), new AttemptRecord(2, default, reason)],
        };
        var deadAt = DateTimeOffset.UnixEpoch.AddDays(1);
        var record = DeadLetterRecord.Of(delivery, deadAt);
        Assert.Equal(("q", "g", "id", "key", 3), (record.Queue, record.Group, record.MessageId, record.OrderingKey, record.Priority));
        Assert.Equal((2, reason, deadAt, delivery.EnqueuedAt), (record.Attempts, record.Reason, record.DeadAt, record.EnqueuedAt));
        Assert.Equal((delivery.Payload, delivery.Headers, delivery.Failures), (record.Payload, record.Headers, record.Failures));
    }
}
