using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>
/// Prolongs the leases and the presence of one consumer, and takes messages away from their handlers whose lease could not be
/// prolonged, before Redis gives them to others.
/// </summary>
internal sealed class LeaseKeeper(RedisQueueBroker broker, QueueConsumer consumer) : IAsyncDisposable
{
    /// <summary>Looks so often within a lease time,</summary>
    private const int LooksPerLease = 6;

    /// <summary>prolongs what has been leased for so many of these looks,</summary>
    private const int LooksUntilRenewal = 2;

    /// <summary>and gives up on what has been for so many.</summary>
    private const int LooksUntilLoss = 5;

    private const int MaxBatch = 256;
    private const string Bound = "ok";

    private readonly CancellationTokenSource _closing = new();
    private readonly TimeSpan _look = consumer.Subscription.LeaseTime / LooksPerLease;
    private Task _loop = Task.CompletedTask;
    private Task _renewal = Task.CompletedTask;

    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Whether others may have its message soon, or already.</summary>
    public bool IsOverdue(QueueRun run) => TimeProvider.System.GetElapsedTime(run.LeasedAt) >= _look * LooksUntilLoss;

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _renewal.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(_look);
        for (var look = 1; ; look++)
        {
            try
            {
                await timer.WaitForNextTickAsync(_closing.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            LoseOverdue();

            // A renewal that hangs must not keep it from noticing what that costs.
            if (look % LooksUntilRenewal == 0 && _renewal.IsCompleted)
            {
                _renewal = RenewAsync();
            }
        }
    }

    private void LoseOverdue()
    {
        foreach (var run in consumer.Running)
        {
            if (IsOverdue(run))
            {
                consumer.Lose(run);
            }
        }
    }

    private async Task RenewAsync()
    {
        var due = consumer.Running.Where(run => TimeProvider.System.GetElapsedTime(run.LeasedAt) >= _look).ToList();
        try
        {
            var rest = due;
            do
            {
                var batch = rest.Take(MaxBatch).ToList();
                rest = rest[batch.Count..];
                await RenewAsync(batch).ConfigureAwait(false);
            }
            while (rest.Count > 0);
        }
        catch (BrokerException)
        {
            // Tried again; what cannot be prolonged in time is taken away from its handler, and that is logged.
        }
    }

    private async Task RenewAsync(List<QueueRun> runs)
    {
        var start = TimeProvider.System.GetTimestamp();
        RedisValue[] arguments =
        [
            consumer.Subscription.Group, consumer.Id, (long)consumer.Subscription.LeaseTime.TotalMilliseconds,
            (long)consumer.Presence.TotalMilliseconds,
            .. runs.SelectMany(static run => (RedisValue[])[run.Handle, run.Number]),
        ];
        var reply = await broker.RunAsync(QueueScripts.Renew, consumer.Keys, arguments).ConfigureAwait(false);
        var lost = ((RedisValue[])reply!).ToHashSet();
        if (!lost.Remove(Bound))
        {
            consumer.Unbind();
        }

        foreach (var run in runs)
        {
            if (!lost.Contains(run.Handle))
            {
                run.LeasedAt = start;
            }
            else
            {
                consumer.Lose(run);
            }
        }
    }
}
