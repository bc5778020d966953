using Iii.Adapters.Sqlite.Queues;
using Iii.Broker;
using Iii.Broker.Specs;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>
/// Random workloads whose consumers come and go, whose transactions fail and whose broker dies and is opened again, with windows so small
/// that most of every line is in the file alone.
/// </summary>
public sealed class SqliteQueueWorkloadTests
{
    private const string Queue = "queue";

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Nothing_is_lost_and_every_key_keeps_its_order_whatever_happens_to_the_broker(int seed)
    {
        var workload = new KeyedWorkload(seed) { IsOrdered = seed % 3 != 0, RetryDelay = TimeSpan.FromMilliseconds(200) };
        await using var run = new Run(workload, $"seed {seed}");
        await run.GoAsync(steps: 400);
        workload.Check(least: 100);
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 15)];

    private sealed class Run(KeyedWorkload workload, string name) : IAsyncDisposable
    {
        private readonly FakeTimeProvider _time = new();
        private readonly SqliteFolder _folder = new();
        private readonly List<IAsyncDisposable> _consumers = [];
        private SqliteBroker _broker = null!;
        private volatile int _life;

        private static CancellationToken Cancel => TestContext.Current.CancellationToken;

        private Random Random => workload.Random;

        public async ValueTask DisposeAsync()
        {
            await PassTimeAsync(_broker.DisposeAsync().AsTask());
            await _folder.DisposeAsync();
        }

        public async Task GoAsync(int steps)
        {
            await OpenAsync();
            for (var step = 0; step < steps; step++)
            {
                await StepAsync();
            }

            await ConsumeAsync();
            await Eventually.HoldsAsync($"{name}: all is finished with", async () =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(500));
                var stats = _broker.Queues.GetStatsAsync(Queue, Cancel).AsTask();
                await PassTimeAsync(stats);
                return (await stats)!.Groups.Single() is { Waiting: 0, Delayed: 0, Delivering: 0 };
            });
        }

        private async Task StepAsync()
        {
            switch (Random.Next(24))
            {
                case < 14:
                    await workload.EnqueueAsync((message, options) => PassTimeAsync(
                        _broker.Queues.EnqueueAsync(Queue, message, options with { Priority = Random.Next(3) }, CancellationToken.None).AsTask()));
                    break;
                case 14 or 15 when _consumers.Count < 3:
                    await ConsumeAsync();
                    break;
                case 16 or 17 when _consumers.Count > 0:
                    var consumer = _consumers[Random.Next(_consumers.Count)];
                    _consumers.Remove(consumer);
                    await PassTimeAsync(consumer.DisposeAsync().AsTask());
                    break;
                case 18:
                    _life++;
                    await _broker.BreakAsync();
                    await OpenAsync();
                    break;
                case 19:
                    await FailAsync();
                    break;
                default:
                    _time.Advance(TimeSpan.FromMilliseconds(Random.Next(1, 700)));
                    break;
            }
        }

        private async Task OpenAsync()
        {
            _consumers.Clear();
            _broker = await _folder.OpenAsync(
                time: _time, window: new LineWindow { PageSize = 3, MaxPages = 1, MaxLoaded = 4, LanePageSize = 2 });
        }

        /// <summary>While the writer pauses after a failure, only time gets it on.</summary>
        private async Task PassTimeAsync(Task task)
        {
            await Eventually.HoldsAsync($"{name}: it is done", async () =>
            {
                await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(10), Cancel));
                if (!task.IsCompleted)
                {
                    _time.Advance(TimeSpan.FromMilliseconds(100));
                }

                return task.IsCompleted;
            });
            await task;
        }

        /// <summary>Makes the transaction fail that this statement, and whatever else waits, is in.</summary>
        private async Task FailAsync()
        {
            await Assert.ThrowsAsync<BrokerException>(() => PassTimeAsync(_broker.ExecuteAsync("INSERT INTO nowhere VALUES (1)")));
        }

        private async Task ConsumeAsync()
        {
            var subscription = new QueueSubscription(Queue)
            {
                Ordering = workload.IsOrdered ? QueueOrdering.PerKey : QueueOrdering.None,
                Concurrency = Random.Next(1, 5),
                DrainTimeout = TimeSpan.Zero,
            };
            var life = _life;
            var consuming = _broker.Queues.ConsumeAsync(subscription, workload.MakeHandler(() => life != _life), Cancel).AsTask();
            await PassTimeAsync(consuming);
            _consumers.Add(await consuming);
        }
    }
}
