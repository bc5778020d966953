using Iii.Broker.Memory;
using Iii.Broker.Specs;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Broker.Tests.Memory;

/// <summary>Random workloads over three instances whose links are cut and whose consumers come and go.</summary>
public sealed class MemoryQueueWorkloadTests
{
    private const string Queue = "queue";

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Nothing_is_lost_and_every_key_keeps_its_order_whatever_happens_to_instances(int seed)
    {
        var workload = new KeyedWorkload(seed);
        await new Run(workload).GoAsync($"seed {seed}", steps: 300);
        workload.Check(least: 50);
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 25)];

    private sealed class Instance(MemoryWorld world)
    {
        public MemoryLink Link { get; } = new();

        public List<IAsyncDisposable> Consumers { get; } = [];

        public MemoryQueueBroker Broker => field ??= new MemoryQueueBroker(world, Link);
    }

    private sealed class Run
    {
        private readonly KeyedWorkload _workload;
        private readonly FakeTimeProvider _time = new();
        private readonly List<Instance> _instances;

        public Run(KeyedWorkload workload)
        {
            _workload = workload;
            var world = new MemoryWorld(time: _time);
            _instances = [.. Enumerable.Range(0, 3).Select(_ => new Instance(world))];
        }

        private static CancellationToken Cancel => TestContext.Current.CancellationToken;

        private Random Random => _workload.Random;

        public async Task GoAsync(string name, int steps)
        {
            for (var step = 0; step < steps; step++)
            {
                await StepAsync(_instances[Random.Next(_instances.Count)]);
            }

            foreach (var instance in _instances)
            {
                instance.Link.Restore();
                await ConsumeAsync(instance);
            }

            await Eventually.HoldsAsync($"{name}: all is finished with", async () =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(500));
                var stats = await _instances[0].Broker.GetStatsAsync(Queue, Cancel);
                return stats!.Groups.Single() is { Waiting: 0, Delayed: 0, Delivering: 0 };
            });
        }

        private async Task StepAsync(Instance instance)
        {
            switch (Random.Next(12))
            {
                case < 6 when instance.Link.IsUp:
                    await _workload.EnqueueAsync((message, options) => instance.Broker.EnqueueAsync(Queue, message, options, Cancel).AsTask());
                    break;
                case 6 when instance.Link.IsUp && instance.Consumers.Count < 3:
                    await ConsumeAsync(instance);
                    break;
                case 7 when instance.Consumers.Count > 0:
                    var consumer = instance.Consumers[Random.Next(instance.Consumers.Count)];
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
                    _time.Advance(TimeSpan.FromMilliseconds(Random.Next(1, 700)));
                    break;
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
            instance.Consumers.Add(await instance.Broker.ConsumeAsync(subscription, _workload.MakeHandler(), Cancel));
        }
    }
}
