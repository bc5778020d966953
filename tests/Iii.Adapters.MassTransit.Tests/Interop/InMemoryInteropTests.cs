using System.Text;
using System.Text.RegularExpressions;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.MassTransit.Tests.Interop;

/// <summary>Stock services and this adapter on one in-memory bus, under MassTransit's test harness.</summary>
public sealed class InMemoryInteropTests
{
    private const string Queue = "topic:orders";
    private static readonly MassTransitBrokerOptions Options = new() { Url = "", Cluster = "shop" };

    [Fact]
    public async Task The_harness_sees_what_comes_and_goes()
    {
        await using var stock = await Harness.StartAsync(static service => StockService.AddInMemory(service, "iii:shop:topic:orders"));
        await using var broker = MassTransitQueueBroker.OverInMemoryBus(stock.Bus, Options);
        var texts = new Recorder<string>();
        await using var consumer = await broker.ConsumeAsync(new QueueSubscription(Queue), (delivery, _) =>
        {
            texts.Add(Encoding.UTF8.GetString(delivery.Payload.Span));
            return ValueTask.FromResult(QueueVerdict.Ack);
        });

        await stock.Bus.Publish(new OrderPlaced("o-7", 2));
        Assert.Contains("o-7", (await texts.WaitForAsync(1))[0], StringComparison.Ordinal);
        Assert.True(await stock.Service.Published.Any<OrderPlaced>());

        const string Data = """{ "quantity" : 7, "orderId" : "o-8" }""";
        await broker.EnqueueAsync(Queue, new QueueMessage(Encoding.UTF8.GetBytes(Data)));
        Assert.Equal(Data, (await texts.WaitForAsync(2))[1]);
        Assert.True(await stock.Service.Consumed.Any<OrderPlaced>(consumed => consumed.Context.Message == new OrderPlaced("o-8", 7)));
    }

    [Fact]
    public async Task A_bus_has_one_broker_and_may_have_another_when_that_is_gone()
    {
        await using var stock = await Harness.StartAsync(static service => StockService.AddInMemory(service, "iii:shop:topic:orders"));
        var first = MassTransitQueueBroker.OverInMemoryBus(stock.Bus, Options);
        Assert.Equal(BrokerErrorCodes.Conflict, Assert.Throws<BrokerException>(() => MassTransitQueueBroker.OverInMemoryBus(stock.Bus, Options)).Code);
        await first.DisposeAsync();
        await MassTransitQueueBroker.OverInMemoryBus(stock.Bus, Options).DisposeAsync();
    }

    [Fact]
    public void The_code_that_the_documentation_shows_is_code_of_these_tests()
    {
        var code = Lines(Read("StockService.cs"));
        var blocks = Regex.Matches(Read("masstransit.md"), "^```csharp\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline);
        Assert.NotEmpty(blocks);
        Assert.All(blocks, block => Assert.Contains(Lines(block.Groups[1].Value), code, StringComparison.Ordinal));
    }

    /// <summary>Without the indentation.</summary>
    private static string Lines(string text) => string.Join('\n', text.Split('\n').Select(static line => line.Trim())).Trim();

    private static string Read(string resource)
    {
        using var reader = new StreamReader(typeof(InMemoryInteropTests).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
