using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>A process is killed in the middle of its work; the next one goes on.</summary>
public sealed class CrashTests : IAsyncDisposable
{
    private readonly SqliteFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Theory]
    [InlineData(QueueOrdering.None)]
    [InlineData(QueueOrdering.PerKey)]
    public async Task Nothing_that_was_acknowledged_is_lost_when_the_process_is_killed_again_and_again(QueueOrdering ordering)
    {
        var enqueued = new HashSet<long>();
        var attempts = new Dictionary<long, int>();
        for (var life = 1; life <= 3; life++)
        {
            using var victim = new VictimProcess(_folder.Path, ordering);
            await victim.Enqueued.WaitForAsync(500 * life);
            await victim.Handled.WaitForAsync(200 * life);
            await victim.KillAsync();
            enqueued.UnionWith(victim.Enqueued.Items);
            foreach (var (number, attempt) in victim.Handled.Items)
            {
                Assert.True(attempt > attempts.GetValueOrDefault(number), $"{number}: attempt {attempt} after {attempts.GetValueOrDefault(number)}.");
                attempts[number] = attempt;
            }
        }

        var broker = await _folder.OpenAsync();
        var rest = new Recorder<(long Number, string? Key, int Attempt, IReadOnlyList<AttemptRecord> Failures)>();
        await broker.Queues.ConsumeAsync(
            Victim.Subscription(ordering),
            (delivery, _) =>
            {
                rest.Add((Victim.NumberOf(delivery), delivery.OrderingKey, delivery.Attempt, delivery.Failures));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            TestContext.Current.CancellationToken);
        await Eventually.HoldsAsync("all that was left is handled", async () =>
            await broker.Queues.GetStatsAsync(Victim.Queue, TestContext.Current.CancellationToken) is { Groups: [{ Waiting: 0, Delayed: 0, Delivering: 0 }] });

        Assert.Empty(enqueued.Except(attempts.Keys).Except(rest.Items.Select(each => each.Number)));
        foreach (var (number, _, attempt, failures) in rest.Items)
        {
            Assert.True(attempt > attempts.GetValueOrDefault(number), $"{number}: attempt {attempt} after {attempts.GetValueOrDefault(number)}.");
            Assert.All(failures, failure => Assert.Equal(AttemptFailure.ConsumerLost, failure.Failure.Code));
        }

        Assert.Equal(rest.Items.Count, rest.Items.DistinctBy(each => each.Number).Count());
        Assert.Contains(rest.Items, each => each.Failures.Count > 0);
        if (ordering == QueueOrdering.PerKey)
        {
            Assert.All(rest.Items.GroupBy(each => each.Key), key => Assert.Equal(key.Select(each => each.Number).Order(), key.Select(each => each.Number)));
        }
    }

    [Fact]
    public async Task A_file_that_another_process_holds_is_refused_and_the_message_says_which()
    {
        using var victim = new VictimProcess(_folder.Path, QueueOrdering.None);
        await victim.Opened.WaitForAsync(1);
        var refusal = await Assert.ThrowsAsync<BrokerException>(async () => await _folder.OpenAsync());
        Assert.Equal(BrokerErrorCodes.Conflict, refusal.Code);
        Assert.Contains($"process {victim.Id}", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(_folder.File, refusal.Message, StringComparison.Ordinal);

        await victim.KillAsync();
        await _folder.OpenAsync();
    }
}
