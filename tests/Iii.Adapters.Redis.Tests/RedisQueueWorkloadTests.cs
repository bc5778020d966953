namespace Iii.Adapters.Redis.Tests;

/// <summary>Random workloads over three instances whose connections are cut and frozen and whose consumers come and go.</summary>
public sealed class RedisQueueWorkloadTests(RedisFixture redis)
{
    private const string Queue = "queue";
    private const int Steps = 120;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Nothing_is_lost_and_every_key_keeps_its_order_whatever_happens_to_instances(int seed)
    {
        var workload = new KeyedWorkload(seed) { HasLongHandlers = true };
        await using var run = new Run(redis.Server, workload);
        await run.GoAsync($"seed {seed}");
        workload.Check(least: 20);
    }

    private sealed class Instance(RedisQueueBroker broker, TcpProxy proxy)
    {
        public RedisQueueBroker Broker => broker;

        public TcpProxy Proxy => proxy;

        public List<IAsyncDisposable> Consumers { get; } = [];
    }

    private sealed class Run(RedisServer server, KeyedWorkload workload) : IAsyncDisposable
    {
        private readonly RedisInstances _instances = new(server);
        private readonly List<Instance> _opened = [];

        private Random Random => workload.Random;

        public async Task GoAsync(string name)
        {
            for (var i = 0; i < 3; i++)
            {
                var (broker, proxy) = await _instances.OpenQueuesAsync(options => options with { CommandTimeout = TimeSpan.FromMilliseconds(500) });
                _opened.Add(new Instance(broker, proxy));
            }

            for (var step = 0; step < Steps; step++)
            {
                workload.BeginStep();
                await StepAsync(_opened[Random.Next(_opened.Count)]);
            }

            foreach (var instance in _opened)
            {
                await BringBackAsync(instance);
                await ConsumeAsync(instance);
            }

            await Eventually.HoldsAsync($"{name}: all is finished with", async () =>
            {
                workload.BeginStep();
                return await _opened[0].Broker.GetStatsAsync(Queue, Cancel) is { Groups: [{ Waiting: 0, Delayed: 0, Delivering: 0 }] };
            });
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
            switch (Random.Next(14))
            {
                case < 7:
                    await EnqueueAsync(instance);
                    break;
                case 7 or 8 when instance.Broker.IsConnected && instance.Consumers.Count < 3:
                    await ConsumeAsync(instance);
                    break;
                case 9 when instance.Consumers.Count > 0:
                    var consumer = instance.Consumers[Random.Next(instance.Consumers.Count)];
                    instance.Consumers.Remove(consumer);
                    await consumer.DisposeAsync();
                    break;
                case 10:
                    instance.Proxy.Cut();
                    break;
                case 11:
                    instance.Proxy.Freeze();
                    break;
                case 12:
                    instance.Proxy.Restore();
                    break;
                default:
                    await BringBackAsync(instance);
                    break;
            }
        }

        private static Task BringBackAsync(Instance instance) => Eventually.HoldsAsync("it is back", () =>
        {
            instance.Proxy.Restore();
            return instance.Broker.IsConnected;
        });

        private async Task EnqueueAsync(Instance instance)
        {
            try
            {
                await workload.EnqueueAsync((message, options) => instance.Broker.EnqueueAsync(Queue, message, options, Cancel).AsTask());
            }
            catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
            {
                // The instance is cut off. What was on its way may still arrive, later than what others send next.
                await BringBackAsync(instance);
            }
        }

        private async Task ConsumeAsync(Instance instance)
        {
            var subscription = new QueueSubscription(Queue)
            {
                Ordering = QueueOrdering.PerKey,
                Concurrency = Random.Next(1, 5),
                LeaseTime = QueueSubscription.MinLeaseTime,
                DrainTimeout = TimeSpan.Zero,
            };
            try
            {
                instance.Consumers.Add(await instance.Broker.ConsumeAsync(subscription, workload.MakeHandler(), Cancel));
            }
            catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
            {
                // It had not been noticed yet that the instance is cut off.
            }
        }
    }
}
