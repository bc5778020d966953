using System.Text;
using Iii.Adapters.MassTransit.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;
using MassTransit;

namespace Iii.Adapters.MassTransit.Tests.Interop;

/// <summary>Stock services and this adapter over a real RabbitMQ.</summary>
public sealed class RabbitMqInteropTests(SharedServer shared) : IAsyncDisposable
{
    private const string Queue = "topic:orders";
    private readonly World _world = new(shared.Server);

    private string Topic => $"iii:{_world.Cluster}:{Queue}";

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task What_a_stock_service_publishes_comes_as_the_message_without_its_envelope()
    {
        var (deliveries, consumer) = await ConsumeAsync();
        await using var __ = consumer;
        await using var stock = await Harness.StartAsync(service => StockService.AddPublisher(service, shared.Server.Url, Topic));
        var id = Guid.NewGuid();

        await stock.Bus.Publish(new OrderPlaced("o-7", 2), context =>
        {
            context.MessageId = id;
            context.Headers.Set("traceparent", "00-aa-bb-01");
            context.Headers.Set("tenant", "é");
        });

        var (delivery, text) = (await deliveries.WaitForAsync(1))[0];
        Assert.Equal(Normal("""{"orderId":"o-7","quantity":2}"""), Normal(text));
        Assert.Equal((id.ToString("N"), 1), (delivery.MessageId, delivery.Attempt));
        Assert.Equal(("00-aa-bb-01", "é"), (delivery.Headers["traceparent"], delivery.Headers["tenant"]));
        Assert.DoesNotContain(delivery.Headers.Keys, static name => name.StartsWith("MT-", StringComparison.Ordinal));
        Assert.InRange(delivery.EnqueuedAt, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
    }

    [Fact]
    public async Task What_a_stock_service_publishes_raw_comes_as_it_is()
    {
        var (deliveries, consumer) = await ConsumeAsync();
        await using var __ = consumer;
        await using var stock = await Harness.StartAsync(service => StockService.AddRawPublisher(service, shared.Server.Url, Topic));

        await stock.Bus.Publish(new OrderPlaced("o-7", 2));

        Assert.Equal(Normal("""{"orderId":"o-7","quantity":2}"""), Normal((await deliveries.WaitForAsync(1))[0].Text));
    }

    [Fact]
    public async Task What_a_stock_service_sends_before_anybody_subscribes_waits_and_is_retried_like_any_job()
    {
        var broker = (await _world.OpenAsync()).Broker;
        await broker.EnqueueAsync(Queue, new QueueMessage("1"u8.ToArray()));
        await using var stock = await Harness.StartAsync(service => StockService.AddPublisher(service, shared.Server.Url, Topic));
        await StockService.SendAsync(stock.Bus, Topic);

        var attempts = new Recorder<string>();
        await using var consumer = await broker.ConsumeAsync(new QueueSubscription(Queue), (delivery, _) =>
        {
            attempts.Add($"{delivery.Attempt}{Normal(Encoding.UTF8.GetString(delivery.Payload.Span))}");
            return ValueTask.FromResult(delivery.Payload.Length > 1 && delivery.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(120)) : QueueVerdict.Ack);
        });

        Assert.Equal(["11", """1{"orderId":"o-7","quantity":2}""", """2{"orderId":"o-7","quantity":2}"""], await attempts.WaitForAsync(3));
    }

    [Fact]
    public async Task A_stock_consumer_gets_what_is_enqueued_and_nothing_is_held_for_others()
    {
        var broker = (await _world.OpenAsync()).Broker;
        await using var stock = await Harness.StartAsync(service => StockService.AddConsumer(service, shared.Server.Url, Topic));

        var receipt = await broker.EnqueueAsync(Queue, new QueueMessage("""{"orderId":"o-7","quantity":2}"""u8.ToArray()));

        Assert.True(await stock.Service.Consumed.Any<OrderPlaced>());
        var consumed = stock.Service.Consumed.Select<OrderPlaced>().First().Context;
        Assert.Equal(new OrderPlaced("o-7", 2), consumed.Message);
        Assert.Equal(Guid.Parse(receipt.MessageId), consumed.MessageId);
        var (deliveries, consumer) = await ConsumeAsync();
        await using var __ = consumer;
        await broker.EnqueueAsync(Queue, new QueueMessage("""{"orderId":"o-8","quantity":1}"""u8.ToArray()));
        Assert.Contains("o-8", (await deliveries.WaitForAsync(1))[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_read_becomes_a_dead_letter_as_it_is_with_the_fault_headers_of_MassTransit()
    {
        var (deliveries, consumer) = await ConsumeAsync();
        await using var __ = consumer;
        var factory = new RabbitMQ.Client.ConnectionFactory { Uri = new Uri(shared.Server.Url) };
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        var properties = new RabbitMQ.Client.BasicProperties { ContentType = "application/vnd.masstransit+json" };
        await channel.BasicPublishAsync(Topic, "", mandatory: true, properties, "no envelope"u8.ToArray());

        RabbitMQ.Client.BasicGetResult? dead = null;
        await Eventually.HoldsAsync("there is a dead letter", async () =>
            (dead = await channel.BasicGetAsync($"{Topic}..default_error", autoAck: true)) is not null);
        Assert.Equal("no envelope", Encoding.UTF8.GetString(dead!.Body.Span));
        Assert.Equal("fault", Header("MT-Reason"));
        Assert.Equal("unreadable_message", Header("MT-Fault-ExceptionType"));
        Assert.Empty(deliveries.Items);

        string Header(string name) => Encoding.UTF8.GetString((byte[])dead!.BasicProperties.Headers![name]!);
    }

    private static string Normal(string json) => json.Replace("\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal);

    private async Task<(Recorder<(QueueDelivery Delivery, string Text)> Deliveries, IAsyncDisposable Consumer)> ConsumeAsync()
    {
        var deliveries = new Recorder<(QueueDelivery, string)>();
        var broker = (await _world.OpenAsync()).Broker;
        return (deliveries, await broker.ConsumeAsync(new QueueSubscription(Queue), (delivery, _) =>
        {
            deliveries.Add((delivery, Encoding.UTF8.GetString(delivery.Payload.Span)));
            return ValueTask.FromResult(QueueVerdict.Ack);
        }));
    }
}
