using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.RabbitMq.Tests;

/// <summary>Random workloads over three instances whose connections are cut and whose consumers come and go.</summary>
public sealed class RabbitMqQueueWorkloadTests(SharedServer shared) : QueueTests(shared)
{
    private const string Queue = "queue";
    private const int Steps = 100;

    private readonly List<Instance> _instances = [];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Nothing_is_lost_and_every_key_keeps_its_order_whatever_happens_to_instances(int seed)
    {
        var workload = new KeyedWorkload(seed) { HasLongHandlers = true };
        for (var i = 0; i < 3; i++)
        {
            var instance = await World.OpenAsync();
            _instances.Add(new Instance(await OpenAsync(instance), instance));
        }

        for (var step = 0; step < Steps; step++)
        {
            workload.BeginStep();
            await StepAsync(workload, _instances[workload.Random.Next(_instances.Count)]);
        }

        foreach (var instance in _instances)
        {
            await instance.BringBackAsync();
            await ConsumeAsync(workload, instance);
        }

        await Eventually.HoldsAsync($"seed {seed}: all is finished with", () =>
        {
            workload.BeginStep();
            return workload.IsDone;
        });
        workload.Check(least: 20);
    }

    private static async Task StepAsync(KeyedWorkload workload, Instance instance)
    {
        switch (workload.Random.Next(14))
        {
            case < 8:
                await EnqueueAsync(workload, instance);
                break;
            case 8 or 9 when instance.Consumers.Count < 2:
                await ConsumeAsync(workload, instance);
                break;
            case 10 when instance.Consumers.Count > 0:
                var consumer = instance.Consumers[workload.Random.Next(instance.Consumers.Count)];
                instance.Consumers.Remove(consumer);
                await consumer.DisposeAsync();
                break;
            case 11:
                instance.Cut();
                break;
            case 12:
                instance.Restore();
                break;
            default:
                await instance.BringBackAsync();
                break;
        }
    }

    private static async Task EnqueueAsync(KeyedWorkload workload, Instance instance)
    {
        try
        {
            await workload.EnqueueAsync((message, options) => instance.Broker.EnqueueAsync(Queue, message, options, Cancel).AsTask());
        }
        catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
        {
            await instance.BringBackAsync();
        }
    }

    private static async Task ConsumeAsync(KeyedWorkload workload, Instance instance)
    {
        var subscription = new QueueSubscription(Queue)
        {
            Ordering = QueueOrdering.PerKey,
            Concurrency = workload.Random.Next(1, 5),
            DrainTimeout = TimeSpan.Zero,
        };
        try
        {
            instance.Consumers.Add(await instance.Broker.ConsumeAsync(subscription, workload.MakeHandler(), Cancel));
        }
        catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
        {
            // It is cut off.
        }
    }

    private sealed class Instance(RabbitMqQueueBroker broker, World.Instance world)
    {
        public RabbitMqQueueBroker Broker => broker;

        public List<IAsyncDisposable> Consumers { get; } = [];

        public void Cut() => world.Proxy.Cut();

        public void Restore() => world.Proxy.Restore();

        public Task BringBackAsync()
        {
            Restore();
            return Eventually.HoldsAsync("it is back", () => broker.IsConnected);
        }
    }
}
