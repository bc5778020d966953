using Iii.Adapters.Sqlite.Queues;
using Iii.Broker;
using Iii.Broker.Specs;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>
/// Random workloads whose consumers come and go, whose transactions fail and whose broker dies and is opened again, with windows so small
/// that most of every line is in the file alone. The seed decides what is done; the thread pool decides how it interleaves. A failure
/// names the seed.
/// </summary>
public sealed class SqliteQueueWorkloadTests
{
    private const string Queue = "queue";
    private const int Keys = 6;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Nothing_is_lost_and_every_key_keeps_its_order_whatever_happens_to_the_broker(int seed)
    {
        await using var workload = new Workload(seed);
        await workload.RunAsync(steps: 400);
        workload.Check();
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 15)];

    /// <summary>What the handlers saw of one key: the numbers in order of start, and those that were finished with.</summary>
    private sealed class KeyHistory
    {
        public List<int> Starts { get; } = [];

        public HashSet<int> Finished { get; } = [];
    }

    private sealed class Workload(int seed) : IAsyncDisposable
    {
        private readonly Random _random = new(seed);
        private readonly QueueOrdering _ordering = seed % 3 == 0 ? QueueOrdering.None : QueueOrdering.PerKey;
        private readonly FakeTimeProvider _time = new();
        private readonly SqliteFolder _folder = new();
        private readonly KeyHistory[] _histories = [.. Enumerable.Range(0, Keys).Select(_ => new KeyHistory())];
        private readonly int[] _enqueued = new int[Keys];
        private readonly Recorder<string> _violations = new();
        private readonly List<IAsyncDisposable> _consumers = [];
        private SqliteBroker _broker = null!;
        private volatile int _life;

        private static CancellationToken Cancel => TestContext.Current.CancellationToken;

        public async ValueTask DisposeAsync()
        {
            await PassTimeAsync(_broker.DisposeAsync().AsTask());
            await _folder.DisposeAsync();
        }

        public async Task RunAsync(int steps)
        {
            await OpenAsync();
            for (var step = 0; step < steps; step++)
            {
                await StepAsync();
            }

            await ConsumeAsync();
            await Eventually.HoldsAsync($"seed {seed}: all is finished with", async () =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(500));
                var stats = _broker.Queues.GetStatsAsync(Queue, Cancel).AsTask();
                await PassTimeAsync(stats);
                return (await stats)!.Groups.Single() is { Waiting: 0, Delayed: 0, Delivering: 0 };
            });
        }

        public void Check()
        {
            Assert.True(_violations.Items.Count == 0, $"Seed {seed}: {string.Join("; ", _violations.Items)}");
            Assert.True(_enqueued.Sum() > 100, $"Seed {seed}: {_enqueued.Sum()} messages are no workload.");
            Assert.Equal(_enqueued, _histories.Select((_, key) => FinishedCount(key)));
        }

        private async Task StepAsync()
        {
            switch (_random.Next(24))
            {
                case < 14:
                    await EnqueueAsync();
                    break;
                case 14 or 15 when _consumers.Count < 3:
                    await ConsumeAsync();
                    break;
                case 16 or 17 when _consumers.Count > 0:
                    var consumer = _consumers[_random.Next(_consumers.Count)];
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
                    _time.Advance(TimeSpan.FromMilliseconds(_random.Next(1, 700)));
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
            await Eventually.HoldsAsync($"seed {seed}: it is done", async () =>
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

        private async Task EnqueueAsync()
        {
            var key = _random.Next(Keys);
            var number = _enqueued[key] + 1;
            var enqueueing = _broker.Queues.EnqueueAsync(
                Queue,
                new QueueMessage(BitConverter.GetBytes(number)),
                new EnqueueOptions { OrderingKey = $"{key}", Priority = _random.Next(3) },
                CancellationToken.None).AsTask();
            await PassTimeAsync(enqueueing);
            _enqueued[key] = number;
        }

        private async Task ConsumeAsync()
        {
            var subscription = new QueueSubscription(Queue)
            {
                Ordering = _ordering,
                Concurrency = _random.Next(1, 5),
                DrainTimeout = TimeSpan.Zero,
            };
            var random = new Random(_random.Next());
            var life = _life;
            var consuming = _broker.Queues.ConsumeAsync(subscription, (delivery, lost) => HandleAsync(delivery, random, life, lost), Cancel).AsTask();
            await PassTimeAsync(consuming);
            _consumers.Add(await consuming);
        }

        private async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, Random random, int life, CancellationToken lost)
        {
            var key = int.Parse(delivery.OrderingKey!, null);
            var number = BitConverter.ToInt32(delivery.Payload.Span);
            Start(key, number, life, lost);
            int dice;
            lock (random)
            {
                dice = random.Next(10);
            }

            if (dice % 2 == 0)
            {
                await Task.Yield();
            }

            switch (dice)
            {
                case 0:
                    throw new InvalidOperationException("A handler of the workload throws on purpose.");
                case 1 or 2:
                    return QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(dice * 200));
                case 3:
                    return QueueVerdict.RetryAfter(TimeSpan.Zero);
                case 4:
                    Finish(key, number);
                    return QueueVerdict.DeadLetter(new AttemptFailure("dice", "4"));
                default:
                    Finish(key, number);
                    return QueueVerdict.Ack;
            }
        }

        private void Start(int key, int number, int life, CancellationToken lost)
        {
            var history = _histories[key];
            lock (history)
            {
                // It has been told that the message is somebody else's, or belongs to a broker that is dead; or there is no order.
                if (lost.IsCancellationRequested || life != _life || _ordering == QueueOrdering.None)
                {
                    return;
                }

                if (history.Starts.Count > 0 && number < history.Starts[^1])
                {
                    _violations.Add($"key {key}: {number} started after {history.Starts[^1]}");
                }

                if (number > 1 && !history.Finished.Contains(number - 1))
                {
                    _violations.Add($"key {key}: {number} started before {number - 1} was finished with");
                }

                history.Starts.Add(number);
            }
        }

        private void Finish(int key, int number)
        {
            lock (_histories[key])
            {
                _histories[key].Finished.Add(number);
            }
        }

        private int FinishedCount(int key)
        {
            lock (_histories[key])
            {
                return _histories[key].Finished.Count;
            }
        }
    }
}
