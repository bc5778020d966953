using Iii.Broker.Memory;
using Iii.Broker.Specs;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Broker.Tests.Memory;

/// <summary>
/// Random workloads over three instances whose links are cut and whose consumers come and go. The seed decides what is done; the
/// thread pool decides how it interleaves. A failure names the seed.
/// </summary>
public sealed class MemoryQueueWorkloadTests
{
    private const string Queue = "queue";
    private const int Keys = 6;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Nothing_is_lost_and_every_key_keeps_its_order_whatever_happens_to_instances(int seed)
    {
        var workload = new Workload(seed);
        await workload.RunAsync(steps: 300);
        workload.Check();
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 25)];

    /// <summary>What the handlers saw of one key: the numbers in order of start, and those that were finished with.</summary>
    private sealed class KeyHistory
    {
        public List<int> Starts { get; } = [];

        public HashSet<int> Finished { get; } = [];
    }

    private sealed class Instance(MemoryWorld world)
    {
        public MemoryLink Link { get; } = new();

        public List<IAsyncDisposable> Consumers { get; } = [];

        public MemoryQueueBroker Broker => field ??= new MemoryQueueBroker(world, Link);
    }

    private sealed class Workload
    {
        private readonly int _seed;
        private readonly Random _random;
        private readonly FakeTimeProvider _time = new();
        private readonly KeyHistory[] _histories = [.. Enumerable.Range(0, Keys).Select(_ => new KeyHistory())];
        private readonly int[] _enqueued = new int[Keys];
        private readonly Recorder<string> _violations = new();
        private readonly List<Instance> _instances;

        public Workload(int seed)
        {
            (_seed, _random) = (seed, new Random(seed));
            var world = new MemoryWorld(time: _time);
            _instances = [.. Enumerable.Range(0, 3).Select(_ => new Instance(world))];
        }

        public async Task RunAsync(int steps)
        {
            for (var step = 0; step < steps; step++)
            {
                await StepAsync(_instances[_random.Next(_instances.Count)]);
            }

            foreach (var instance in _instances)
            {
                instance.Link.Restore();
                await ConsumeAsync(instance);
            }

            await Eventually.HoldsAsync($"seed {_seed}: all is finished with", async () =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(500));
                var stats = await _instances[0].Broker.GetStatsAsync(Queue, TestContext.Current.CancellationToken);
                return stats!.Groups.Single() is { Waiting: 0, Delayed: 0, Delivering: 0 };
            });
        }

        public void Check()
        {
            Assert.True(_violations.Items.Count == 0, $"Seed {_seed}: {string.Join("; ", _violations.Items)}");
            Assert.True(_enqueued.Sum() > 50, $"Seed {_seed}: {_enqueued.Sum()} messages are no workload.");
            Assert.Equal(_enqueued, _histories.Select((_, key) => FinishedCount(key)));
        }

        private async Task StepAsync(Instance instance)
        {
            switch (_random.Next(12))
            {
                case < 6 when instance.Link.IsUp:
                    await EnqueueAsync(instance);
                    break;
                case 6 when instance.Link.IsUp && instance.Consumers.Count < 3:
                    await ConsumeAsync(instance);
                    break;
                case 7 when instance.Consumers.Count > 0:
                    var consumer = instance.Consumers[_random.Next(instance.Consumers.Count)];
                    instance.Consumers.Remove(consumer);
                    await consumer.DisposeAsync();
                    break;
                case 8:
                    instance.Link.Cut();
                    break;
                case 9 or 10:
                    instance.Link.Restore();
                    break;
                default:
                    _time.Advance(TimeSpan.FromMilliseconds(_random.Next(1, 700)));
                    break;
            }
        }

        private async Task EnqueueAsync(Instance instance)
        {
            var key = _random.Next(Keys);
            var number = ++_enqueued[key];
            await instance.Broker.EnqueueAsync(
                Queue, new QueueMessage(BitConverter.GetBytes(number)), new EnqueueOptions { OrderingKey = $"{key}" }, TestContext.Current.CancellationToken);
        }

        private async Task ConsumeAsync(Instance instance)
        {
            var subscription = new QueueSubscription(Queue)
            {
                Ordering = QueueOrdering.PerKey,
                Concurrency = _random.Next(1, 5),
                LeaseTime = QueueSubscription.MinLeaseTime,
                DrainTimeout = TimeSpan.Zero,
            };
            var random = new Random(_random.Next());
            instance.Consumers.Add(await instance.Broker.ConsumeAsync(
                subscription, (delivery, lost) => HandleAsync(delivery, random, lost), TestContext.Current.CancellationToken));
        }

        private async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, Random random, CancellationToken lost)
        {
            var key = int.Parse(delivery.OrderingKey!, null);
            var number = BitConverter.ToInt32(delivery.Payload.Span);
            Start(key, number, lost);
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
                    return QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(dice * 20));
                case 3:
                    Finish(key, number);
                    return QueueVerdict.DeadLetter(new AttemptFailure("dice", "3"));
                default:
                    Finish(key, number);
                    return QueueVerdict.Ack;
            }
        }

        private void Start(int key, int number, CancellationToken lost)
        {
            var history = _histories[key];
            lock (history)
            {
                // It has been told that the message is somebody else's; what it does now is known not to count.
                if (lost.IsCancellationRequested)
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
