using Iii.Engine.Configuration;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Configuration;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class QueueOptionsTests
{
    [Fact]
    public void Without_a_file_there_are_queues() => Assert.NotNull(EngineConfiguration.Defaults.Queue);

    [Fact]
    public void Without_the_module_there_are_none() => Assert.Null(Configured.Valid("port: 1").Queue);

    [Theory]
    [InlineData("modules: [{class: modules::queue::QueueModule}]")]
    [InlineData("modules: [{class: modules::event::EventModule}]")]
    [InlineData("workers: [{name: iii-queue}]")]
    public void Module_alone_has_the_defaults_and_the_broker_of_the_engine(string text)
    {
        var options = Configured.Valid(text).Queue!;
        Assert.Equal((3, 1_000, 10, QueueType.Standard, null), (options.MaxAttempts, options.BackoffMs, options.Concurrency, options.Type, options.Adapter));
        Assert.NotNull(options.Find("default"));
        Assert.Null(options.Find("other"));
    }

    [Theory]
    [InlineData("{ class: modules::queue::adapters::Bridge }", "ws://localhost:49134")]
    [InlineData("{ name: bridge, config: { bridge_url: 'wss://engine.example.org' } }", "wss://engine.example.org")]
    [InlineData("{ name: redis, config: { bridge_url: 'wss://engine.example.org' } }", null)]
    public void Bridge_has_the_address_of_another_engine_and_no_broker(string adapter, string? url)
    {
        var options = Configured.Valid($"modules: [{{ class: modules::queue::QueueModule, config: {{ adapter: {adapter} }} }}]").Queue!;
        Assert.Equal((url, url is null), (options.BridgeUrl, options.Adapter is not null));
    }

    [Fact]
    public void Named_queues_are_read()
    {
        var options = Configured.Valid(
            """
            workers:
              - name: iii-queue
                config:
                  queue_configs:
                    default:
                    payments:
                      max_retries: 5
                      concurrency: 2
                      cluster_concurrency: 3
                      type: fifo
                      message_group_field: order_id
                      backoff_ms: 10
                      poll_interval_ms: 100
                    urgent: { max_priority: 20, priority_field: p }
            """).Queue!;
        Assert.Equal(
            new NamedQueueOptions
            {
                MaxRetries = 5,
                Concurrency = 2,
                ClusterConcurrency = 3,
                Type = QueueType.Fifo,
                MessageGroupField = "order_id",
                BackoffMs = 10,
                PollIntervalMs = 100,
            },
            options.Find("payments"));
        Assert.Equal(new NamedQueueOptions(), options.Find("default"));
        Assert.Equal((20, "p"), (options.Find("urgent")!.MaxPriority, options.Find("urgent")!.PriorityField));
    }

    [Theory]
    [InlineData("queue_configs: { a: { concurrency: 0 } }", "modules[0].config.queue_configs.a.concurrency: 0 is out of range; write a number from 1 to 10000")]
    [InlineData("queue_configs: { a: { cluster_concurrency: 0 } }", "modules[0].config.queue_configs.a.cluster_concurrency: 0 is out of range; write 1 or more")]
    [InlineData("queue_configs: { a: { type: lifo } }", "modules[0].config.queue_configs.a.type: expected one of 'standard', 'fifo', got the text 'lifo'")]
    [InlineData("queue_configs: { a: { message_group_field: x } }", "modules[0].config.queue_configs.a.message_group_field: groups are kept in order")]
    [InlineData("queue_configs: { a: { retries: 1 } }", "modules[0].config.queue_configs.a: unknown key 'retries'")]
    [InlineData("queue_configs: [a]", "modules[0].config.queue_configs: expected a mapping")]
    [InlineData("queue_configs: { a: 5 }", "modules[0].config.queue_configs.a: expected a mapping, got 5")]
    [InlineData("queue_configs: { '': {} }", "modules[0].config.queue_configs.: The name is empty. Give the queue another name")]
    [InlineData("max_attempts: 0", "modules[0].config.max_attempts: 0 is out of range")]
    [InlineData("adapter: { class: modules::queue::adapters::Bridge, config: { bridge_url: 'http://a' } }", "adapter.config.bridge_url: 'http://a' is not the address of an engine")]
    [InlineData("adapter: { name: redis, config: { connect_timeout_ms: 0 } }", "modules[0].config.adapter.config.connect_timeout_ms: 0 is out of range")]
    [InlineData("adapter: { name: redis, config: { connect_timeout_ms: soon } }", "modules[0].config.adapter.config.connect_timeout_ms: expected a whole")]
    [InlineData("adapter: { name: builtin, config: { store_method: paper } }", "modules[0].config.adapter.config.store_method: 'paper' is not known")]
    public void What_is_wrong_is_said_with_its_place(string config, string expected) => Assert.Contains(
        expected, Assert.Single(Configured.Errors($"modules: [{{class: modules::queue::QueueModule, config: {{{config}}}}}]")), StringComparison.Ordinal);

    [Theory]
    [InlineData("{ class: modules::queue::MassTransitAdapter, config: { url: 'amqp://rabbit' } }", "amqp://rabbit")]
    [InlineData("{ name: masstransit, config: { amqp_url: 'amqp://rabbit' } }", "amqp://rabbit")]
    [InlineData("{ name: masstransit }", "amqp://localhost:5672")]
    public void MassTransit_has_a_url(string adapter, string url) =>
        Assert.Equal(("masstransit", url), (Adapter(adapter).Adapter, Adapter(adapter).Url));

    [Fact]
    public void Builtin_adapter_is_a_file_or_memory()
    {
        Assert.Equal("embedded", Adapter("{ class: modules::queue::BuiltinQueueAdapter }").Adapter);
        var file = Adapter("{ class: modules::queue::BuiltinQueueAdapter, config: { store_method: file_based, file_path: /tmp/x } }");
        Assert.Equal(("embedded", "/tmp/x"), (file.Adapter, file.Settings["path"]));
        Assert.Equal("memory", Adapter("{ class: modules::queue::BuiltinQueueAdapter, config: { store_method: in_memory } }").Adapter);
    }

    [Fact]
    public void Redis_and_rabbitmq_have_their_urls()
    {
        var redis = Adapter("{ class: modules::queue::RedisAdapter, config: { redis_url: 'redis://r:1' } }");
        Assert.Equal(("redis", "redis://r:1"), (redis.Adapter, redis.Url));
        Assert.Equal("redis://localhost:6379", Adapter("{ name: redis }").Url);
        var rabbit = Adapter("{ class: modules::queue::RabbitMQAdapter, config: { amqp_url: 'amqp://r:1' } }");
        Assert.Equal(("rabbitmq", "amqp://r:1"), (rabbit.Adapter, rabbit.Url));
    }

    [Theory]
    [InlineData("redis", "redis://r:1")]
    [InlineData("rabbitmq", "amqp://r:1")]
    [InlineData("masstransit", "amqp://r:1")]
    public void Url_and_connect_timeout_mean_the_same_for_all_adapters(string name, string url)
    {
        var adapter = Adapter($"{{ name: {name}, config: {{ url: '{url}', connect_timeout_ms: 1500 }} }}");
        Assert.Equal((url, 1500), (adapter.Url, adapter.ConnectTimeoutMs));
        Assert.Equal(30_000, Adapter($"{{ name: {name} }}").ConnectTimeoutMs);
    }

    [Fact]
    public void Adapter_config_goes_before_that_of_the_module_and_ignores_what_it_does_not_know()
    {
        var options = Options(
            "max_attempts: 9, adapter: { name: builtin, config: { max_attempts: 5, backoff_ms: 7, concurrency: 3, mode: fifo, poll_interval_ms: 100, whatever: [1] } }");
        Assert.Equal((5, 7, 3, QueueType.Fifo), (options.MaxAttempts, options.BackoffMs, options.Concurrency, options.Type));
        Assert.Equal((9, 3), (Options("max_attempts: 9, adapter: { name: builtin }").MaxAttempts, Options("adapter: { name: rabbitmq, config: { prefetch_count: 3 } }").Concurrency));
    }

    private static BrokerOptions Adapter(string adapter) => Options($"adapter: {adapter}").Adapter!;

    private static QueueOptions Options(string config) =>
        Configured.Valid($"modules: [{{class: modules::queue::QueueModule, config: {{{config}}}}}]").Queue!;
}
