using System.Text;

namespace Iii.Adapters.Redis.Tests;

/// <summary>
/// Random workloads over three instances whose connections are cut and frozen and whose consumers come and go. The seed decides what is
/// done; the thread pool, the network and the clock decide how it interleaves. A failure names the seed.
/// </summary>
public sealed class RedisQueueWorkloadTests(RedisFixture redis)
{
    private const string Queue = "queue";
    private const int Keys = 6;
    private const int Steps = 120;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Nothing_is_lost_and_every_key_keeps_its_order_whatever_happens_to_instances(int seed)
    {
        await using var workload = new Workload(redis.Server, seed);
        await workload.RunAsync();
        workload.Check();
    }

    /// <summary>What the handlers saw of one key: the last number that was started, those that are finished with, and those that are accepted.</summary>
    private sealed class KeyHistory
    {
        public int LastStarted { get; set; }

        public HashSet<int> Finished { get; } = [];

        public HashSet<int> Accepted { get; } = [];
    }

    private sealed class Instance(RedisQueueBroker broker, TcpProxy proxy)
    {
        public RedisQueueBroker Broker => broker;

        public TcpProxy Proxy => proxy;

        public List<IAsyncDisposable> Consumers { get; } = [];
    }

    private sealed class Workload(RedisServer server, int seed) : IAsyncDisposable
    {
        private readonly RedisInstances _instances = new(server);
        private readonly Random _random = new(seed);
        private readonly KeyHistory[] _histories = [.. Enumerable.Range(0, Keys).Select(_ => new KeyHistory())];
        private readonly int[] _sent = new int[Keys];
        private readonly Recorder<string> _violations = new();
        private readonly List<Instance> _opened = [];

        public async Task RunAsync()
        {
            for (var i = 0; i < 3; i++)
            {
                var (broker, proxy) = await _instances.OpenQueuesAsync(options => options with { CommandTimeout = TimeSpan.FromMilliseconds(500) });
                _opened.Add(new Instance(broker, proxy));
            }

            for (var step = 0; step < Steps; step++)
            {
                await StepAsync(_opened[_random.Next(_opened.Count)]);
            }

            foreach (var instance in _opened)
            {
                instance.Proxy.Restore();
                await Eventually.HoldsAsync("it is back", () => instance.Broker.IsConnected);
                await ConsumeAsync(instance);
            }

            await Eventually.HoldsAsync($"seed {seed}: all is finished with", async () =>
                await _opened[0].Broker.GetStatsAsync(Queue, Cancel) is { Groups: [{ Waiting: 0, Delayed: 0, Delivering: 0 }] });
        }

        public void Check()
        {
            Assert.True(_violations.Items.Count == 0, $"Seed {seed}: {string.Join("; ", _violations.Items)}");
            Assert.True(_histories.Sum(history => history.Accepted.Count) > 20, $"Seed {seed}: that is no workload.");
            Assert.All(_histories, history => Assert.Subset(history.Finished, history.Accepted));
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var instance in _opened)
            {
                instance.Proxy.Restore();
            }

            await _instances.DisposeAsync();
        }

        private async Task StepAsync(Instance instance)
        {
            switch (_random.Next(14))
            {
                case < 7:
                    await EnqueueAsync(instance);
                    break;
                case 7 or 8 when instance.Broker.IsConnected && instance.Consumers.Count < 3:
                    await ConsumeAsync(instance);
                    break;
                case 9 when instance.Consumers.Count > 0:
                    var consumer = instance.Consumers[_random.Next(instance.Consumers.Count)];
                    instance.Consumers.Remove(consumer);
                    await consumer.DisposeAsync();
                    break;
                case 10:
                    instance.Proxy.Cut();
                    break;
                case 11:
                    instance.Proxy.Freeze();
                    break;
                default:
                    instance.Proxy.Restore();
                    await Task.Delay(_random.Next(1, 100), Cancel);
                    break;
            }
        }

        /// <summary>A number whose fate is not known counts as sent: it may come, and what comes after it must not come before it.</summary>
        private async Task EnqueueAsync(Instance instance)
        {
            var key = _random.Next(Keys);
            var number = ++_sent[key];
            try
            {
                await instance.Broker.EnqueueAsync(
                    Queue, new QueueMessage(Encoding.UTF8.GetBytes($"{number}")), new EnqueueOptions { OrderingKey = $"{key}" }, Cancel);
                lock (_histories[key])
                {
                    _histories[key].Accepted.Add(number);
                }
            }
            catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
            {
                // The instance is cut off. What was on its way may still arrive, later than what others send next.
                await Eventually.HoldsAsync("it is back", () =>
                {
                    instance.Proxy.Restore();
                    return instance.Broker.IsConnected;
                });
            }
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
            try
            {
                instance.Consumers.Add(await instance.Broker.ConsumeAsync(
                    subscription, (delivery, lost) => HandleAsync(delivery, random, lost), Cancel));
            }
            catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
            {
                // It had not been noticed yet that the instance is cut off.
            }
        }

        private async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, Random random, CancellationToken lost)
        {
            var key = int.Parse(delivery.OrderingKey!, null);
            var number = int.Parse(Encoding.UTF8.GetString(delivery.Payload.Span), null);
            Start(key, number, lost);
            int dice;
            lock (random)
            {
                dice = random.Next(10);
            }

            if (dice % 2 == 0)
            {
                await Task.Delay(dice, CancellationToken.None);
            }

            switch (dice)
            {
                case 0:
                    throw new InvalidOperationException("A handler of the workload throws on purpose.");
                case 1 or 2:
                    return QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(dice * 20));
                default:
                    Finish(key, number);
                    return dice == 3 ? QueueVerdict.DeadLetter(new AttemptFailure("dice", "3")) : QueueVerdict.Ack;
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

                if (number < history.LastStarted)
                {
                    _violations.Add($"key {key}: {number} started after {history.LastStarted}");
                }

                if (history.Accepted.Any(earlier => earlier < number && !history.Finished.Contains(earlier)))
                {
                    _violations.Add($"key {key}: {number} started before an earlier one was finished with");
                }

                history.LastStarted = number;
            }
        }

        private void Finish(int key, int number)
        {
            lock (_histories[key])
            {
                _histories[key].Finished.Add(number);
            }
        }
    }
}
