using Iii.Broker;
using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Queue;

/// <summary>What the broker cannot do is refused where it is asked for, and not accepted to fail later.</summary>
public sealed class FeatureCheckTests
{
    [Theory]
    [InlineData("queue")]
    [InlineData("durable:subscriber")]
    public async Task Fifo_subscriber_is_refused_by_a_broker_without_order_and_the_others_of_its_topic_go_on(string type)
    {
        await using var broker = new RestrictedQueueBroker(BrokerFeatures.OrderingKeys);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var worker = await engine.ConnectAsync();
        await worker.SubscribeAsync("plain", "t", type: type);
        var problem = await RefusalAsync(worker, "ordered", """{"type":"fifo"}""", type);
        Assert.Equal(
            "queue_config.type: the adapter 'memory' does not keep jobs in order; write 'standard' instead of 'fifo', "
            + "or have the jobs kept by one that does, such as 'redis' (`adapter` of modules::queue::QueueModule)",
            problem);
        await using var producer = await engine.ConnectAsync();
        await producer.EnqueueAsync("t", "1");
        Assert.Equal(1, (await worker.HandleAsync("plain")).GetInt32());
    }

    [Fact]
    public async Task Subscriber_that_becomes_fifo_where_there_is_no_order_is_one_no_longer()
    {
        await using var broker = new RestrictedQueueBroker(BrokerFeatures.OrderingKeys);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var worker = await engine.ConnectAsync();
        await worker.SubscribeAsync("f", "t");
        Assert.Contains("does not keep jobs in order", await RefusalAsync(worker, "f", """{"type":"fifo"}""", "queue"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Second_group_of_a_topic_is_refused_by_a_broker_without_copies_and_the_first_goes_on()
    {
        await using var broker = new RestrictedQueueBroker(BrokerFeatures.Groups);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var worker = await engine.ConnectAsync();
        await worker.SubscribeAsync("first", "t");
        Assert.Empty(await worker.TriggerAsync("sharing", "t"));
        Assert.Empty(await worker.TriggerAsync("elsewhere", "other", type: "durable:subscriber"));
        Assert.StartsWith(
            "topic: the adapter 'memory' does not copy jobs for several groups of subscribers, and this topic has one, 'default'; use a topic for each,",
            await RefusalAsync(worker, "second", "{}", "durable:subscriber"),
            StringComparison.Ordinal);
        await using var producer = await engine.ConnectAsync();
        await producer.EnqueueAsync("t", "1");
        Assert.Equal(1, (await worker.HandleAsync("first")).GetInt32());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Engine_whose_options_ask_for_what_the_broker_lacks_does_not_start_and_says_all_of_it(bool isOwn)
    {
        await using var broker = new RestrictedQueueBroker(BrokerFeatures.OrderingKeys | BrokerFeatures.Priority);
        var options = new QueueOptions
        {
            Type = QueueType.Fifo,
            QueueConfigs = new Dictionary<string, NamedQueueOptions>
            {
                ["payments"] = new() { Type = QueueType.Fifo },
                ["mails"] = new() { PriorityField = "p" },
                ["plain"] = new(),
            },
            Adapter = isOwn ? new BrokerOptions() : null,
        };
        var problem = (await Assert.ThrowsAsync<EngineStartException>(() => StartAsync(options, broker))).Message.Split('\n');
        Assert.Equal(
            [
                "modules::queue::QueueModule: type: the adapter 'memory' does not keep jobs in order;",
                "modules::queue::QueueModule: queue_configs.mails.priority_field: the adapter 'memory' does not know priorities;",
                "modules::queue::QueueModule: queue_configs.payments.type: the adapter 'memory' does not keep jobs in order;",
            ],
            problem.Select(static line => line[..(line.IndexOf(';', StringComparison.Ordinal) + 1)]));
        Assert.True(broker.IsDisposed);
    }

    [Fact]
    public async Task Engine_whose_options_ask_for_nothing_that_the_broker_lacks_starts()
    {
        await using var broker = new RestrictedQueueBroker(BrokerFeatures.Priority);
        await StartAsync(
            new QueueOptions { QueueConfigs = new Dictionary<string, NamedQueueOptions> { ["payments"] = new() { Type = QueueType.Fifo } } }, broker);
    }

    /// <summary>Subscribes in vain, and gives the reason.</summary>
    private static async Task<string?> RefusalAsync(TestWorker worker, string functionId, string queueConfig, string type)
    {
        var result = Assert.Single(await worker.TriggerAsync(functionId, "t", queueConfig, type));
        Assert.Equal(
            ("triggerregistrationresult", $"{functionId}-trigger"), (result.GetProperty("type").GetString(), result.GetProperty("id").GetString()));
        var error = result.GetProperty("error");
        Assert.Equal("trigger_registration_failed", error.GetProperty("code").GetString());
        var listed = (await worker.AskAsync("engine::triggers::list")).GetProperty("triggers");
        Assert.DoesNotContain(listed.EnumerateArray(), trigger => trigger.GetProperty("function_id").GetString() == functionId);
        return error.GetProperty("message").GetString();
    }

    private static async Task StartAsync(QueueOptions options, IQueueBroker broker)
    {
        await using var host = EngineHost.Create(
            new EngineConfiguration { Gateway = new WorkerGatewayOptions { Host = "127.0.0.1", Port = 0 }, Queue = options },
            adapters: [new BusAdapter(bus: null, broker)]);
        await host.StartAsync(TestContext.Current.CancellationToken);
    }
}
