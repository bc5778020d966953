using Iii.Sdk.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Tests.Examples.Billing;

/// <summary>Every piece of code of the documentation stands here as well, so that it compiles.</summary>
internal static class Snippets
{
    public static async Task ConnectAsync()
    {
        var options = new IiiWorkerOptions { Name = "billing", InvocationTimeout = TimeSpan.FromSeconds(5) };
        await using var worker = await IiiWorker.ConnectAsync("ws://localhost:49134", options);
    }

    public static async Task ProvideAsync()
    {
        await using var worker = await IiiWorker.ConnectAsync("ws://localhost:49134");
        worker.RegisterFunction("math.add", (Terms terms) => new Sum(terms.A + terms.B), Json.Default.Terms, Json.Default.Sum);
        worker.RegisterHttpTrigger("math.add", "/add", "POST");
    }

    public static void Functions(IiiWorker worker, PriceList prices)
    {
        worker.RegisterFunction(
            "orders::price",
            async (Basket basket, CancellationToken cancellation) => await prices.OfAsync(basket, cancellation),
            Json.Default.Basket,
            Json.Default.Price,
            new RegisterFunctionOptions { Description = "Prices a basket" });
    }

    public static void Triggers(IiiWorker worker)
    {
        worker.RegisterHttpTrigger("orders::get", "/orders/:id");
        worker.RegisterCronTrigger("orders::clean", "0 0 3 * * *");
    }

    public static void Error() =>
        throw new IiiFunctionException("out_of_stock", "There are 3 left.");

    public static async Task InvokeAsync(IiiWorker worker, Basket basket)
    {
        var price = await worker.InvokeAsync(
            "orders::price", basket, Json.Default.Basket, Json.Default.Price, new InvokeOptions { Timeout = TimeSpan.FromSeconds(2) });
        Console.WriteLine(price.Total);
    }

    public static async Task EnqueueAsync(IiiWorker worker, Basket basket)
    {
        await worker.InvokeVoidAsync("orders::seen", basket, Json.Default.Basket);
        var receipt = await worker.EnqueueAsync("default", "orders::bill", basket, Json.Default.Basket);
        Console.WriteLine(receipt.MessageId);
    }

    public static async Task CatchAsync(IiiWorker worker, Basket basket)
    {
        try
        {
            await worker.InvokeAsync("orders::price", basket, Json.Default.Basket, Json.Default.Price);
        }
        catch (IiiInvocationException e) when (e.Code == "out_of_stock")
        {
        }
    }

    public static async Task ReadAsync(IiiWorker worker, Stream file)
    {
        var channel = await worker.CreateChannelAsync();
        await using var reader = worker.OpenReader(channel.Reader);
        await worker.InvokeVoidAsync("tables::export", new Export("orders", channel.Writer), Json.Default.Export);
        await reader.AsStream().CopyToAsync(file);
    }

    public static async Task ReadTextsAsync(IiiWorker worker, ChannelPair channel, Stream file)
    {
        await using var reader = worker.OpenReader(channel.Reader);
        reader.TextReceived += text => Console.WriteLine(text);
        await reader.AsStream().CopyToAsync(file);
    }

    public static async Task WriteAsync(IiiWorker worker, ChannelPair channel, ReadOnlyMemory<byte> bytes)
    {
        await using var writer = worker.OpenWriter(channel.Writer);
        await writer.SendTextAsync("""{"rows":2}""");
        await writer.WriteAsync(bytes);
    }

    public static void Http(IiiWorker worker)
    {
        worker.RegisterHttpHandler("GET", "/clock", async (request, response, cancellation) =>
        {
            response.Headers["content-type"] = "text/event-stream";
            await using var events = await response.StartStreamAsync(cancellation);
            await events.WriteAsync("data: now\n\n"u8.ToArray(), cancellation);
        });
    }

    public static void TriggerTypes(IiiWorker worker)
    {
        worker.RegisterTriggerType("mailbox", "Incoming mail", async (trigger, cancellation) =>
        {
            await worker.InvokeVoidRawAsync(trigger.FunctionId, "{\"subject\":\"welcome\"}"u8.ToArray(), cancellation: cancellation);
        });
    }

    public static async Task LogsAsync()
    {
        await using var logs = new IiiLoggerProvider("ws://localhost:49134", new IiiTelemetryOptions { ServiceName = "billing" });
        using var factory = new LoggerFactory([logs]);
    }

    public static async Task TracesAsync()
    {
        await using var traces = new IiiTraceExporter("ws://localhost:49134", new IiiTelemetryOptions { ServiceName = "billing" });
    }

    public static async Task HostAsync(string[] args)
    {
        var builder = Host.CreateApplicationBuilder(args);
        builder.AddIiiWorker("ws://localhost:49134", (worker, services) =>
            worker.RegisterFunction("math.add", (Terms terms) => new Sum(terms.A + terms.B), Json.Default.Terms, Json.Default.Sum));
        builder.Logging.AddIii("ws://localhost:49134");
        await builder.Build().RunAsync();
    }
}
