using Iii.Adapters.MassTransit.Tests.Interop;
using Iii.Adapters.MassTransit.Tests.Support;
using Iii.Cli.MassTransit;
using Iii.Engine.Configuration;
using Iii.Engine.Hosting;
using Iii.Testing;

namespace Iii.Adapters.MassTransit.Tests;

/// <summary>An engine whose jobs go over MassTransit, with a stock service at the other end.</summary>
public sealed class EngineTests(SharedServer shared)
{
    private static readonly string Cluster = $"e{Guid.NewGuid():N}"[..20];

    [Fact]
    public async Task A_worker_gets_what_a_stock_service_publishes_and_a_stock_service_what_a_worker_enqueues()
    {
        await using var host = EngineHost.Create(Configure(shared.Server.Url), adapters: [new MassTransitAdapter()]);
        await host.StartAsync(TestContext.Current.CancellationToken);
        await using var worker = await TestWorker.ConnectAsync(host.Listeners.Single(static listener => listener.Name == "workers").Port);
        await worker.RegisterAsync("orders.handle");
        await worker.SendAsync(
            """{"type":"registertrigger","id":"t-1","trigger_type":"queue","function_id":"orders.handle","config":{"topic":"orders"}}""");
        await worker.BarrierAsync();
        await worker.CallAsync("enqueue", """{"topic":"orders","data":{"first":true}}""");
        await worker.AnswerAsync(await worker.NextCallAsync("orders.handle"));

        await using var publisher = await Harness.StartAsync(service => StockService.AddPublisher(service, shared.Server.Url, Name("orders")));
        await publisher.Bus.Publish(new OrderPlaced("o-7", 2));
        var call = await worker.NextCallAsync("orders.handle");
        var data = call.GetProperty("data");
        Assert.Equal(("o-7", 2), (data.GetProperty("orderId").GetString(), data.GetProperty("quantity").GetInt32()));
        Assert.Equal("orders", call.GetProperty("metadata").GetProperty("topic").GetString());
        await worker.AnswerAsync(call);

        await using var consumer = await Harness.StartAsync(service => StockService.AddConsumer(service, shared.Server.Url, Name("invoices")));
        await worker.CallAsync("enqueue", """{"topic":"invoices","data":{"orderId":"o-8","quantity":3}}""");
        Assert.True(await consumer.Service.Consumed.Any<OrderPlaced>(consumed => consumed.Context.Message == new OrderPlaced("o-8", 3)));
        await host.StopAsync();
    }

    [Fact]
    public async Task A_subscriber_that_wants_order_is_told_that_there_is_none()
    {
        await using var host = EngineHost.Create(Configure("loopback://localhost/"), adapters: [new MassTransitAdapter()]);
        await host.StartAsync(TestContext.Current.CancellationToken);
        await using var worker = await TestWorker.ConnectAsync(host.Listeners.Single(static listener => listener.Name == "workers").Port);
        await worker.SendAsync(
            """
            {"type":"registertrigger","id":"t-1","trigger_type":"queue","function_id":"f",
             "config":{"topic":"orders","queue_config":{"type":"fifo"}}}
            """);
        var error = (await worker.NextAsync("triggerregistrationresult")).GetProperty("error");
        Assert.Equal("trigger_registration_failed", error.GetProperty("code").GetString());
        Assert.Contains("'masstransit' does not keep jobs in order; write 'standard'", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        await host.StopAsync();
    }

    [Fact]
    public async Task An_engine_with_a_queue_that_wants_order_does_not_start()
    {
        var configuration = Configure("loopback://localhost/", "queue_configs: { payments: { type: fifo } }");
        await using var host = EngineHost.Create(configuration, adapters: [new MassTransitAdapter()]);
        var problem = await Assert.ThrowsAsync<EngineStartException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith(
            "modules::queue::QueueModule: queue_configs.payments.type: the adapter 'masstransit' does not keep jobs in order; write 'standard'",
            problem.Message,
            StringComparison.Ordinal);
    }

    private static string Name(string topic) => $"iii:{Cluster}:topic:{topic}";

    private static EngineConfiguration Configure(string url, string queues = "")
    {
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.yaml");
        File.WriteAllText(
            file,
            $$"""
            cluster: { name: {{Cluster}} }
            modules:
              - class: modules::worker::WorkerModule
                config: { host: 127.0.0.1 }
              - class: modules::queue::QueueModule
                config:
                  adapter: { class: modules::queue::MassTransitAdapter, config: { url: "{{url}}" } }
                  {{queues}}
            """);
        try
        {
            var loaded = ConfigurationLoader.Load(file);
            Assert.Empty(loaded.Errors.Select(static error => error.Render()));
            return loaded.Configuration! with { Gateway = loaded.Configuration.Gateway with { Port = 0 } };
        }
        finally
        {
            File.Delete(file);
        }
    }
}
