using MassTransit;

namespace Iii.Adapters.MassTransit.Tests.Interop;

/// <summary>Services that use MassTransit and know nothing of iii but the name of a topic. docs/masstransit.md shows this code.</summary>
internal static class StockService
{
    public static void AddPublisher(IBusRegistrationConfigurator service, string url, string topic)
    {
        service.UsingRabbitMq((context, rabbit) =>
        {
            rabbit.Host(new Uri(url));
            rabbit.Message<OrderPlaced>(message => message.SetEntityName(topic));
        });
    }

    /// <summary>Likewise without an envelope.</summary>
    public static void AddRawPublisher(IBusRegistrationConfigurator service, string url, string topic)
    {
        service.UsingRabbitMq((context, rabbit) =>
        {
            rabbit.Host(new Uri(url));
            rabbit.Message<OrderPlaced>(message => message.SetEntityName(topic));
            rabbit.UseRawJsonSerializer(isDefault: true);
        });
    }

    /// <summary>A service that does not know the topic when it is built.</summary>
    public static async Task SendAsync(ISendEndpointProvider bus, string topic)
    {
        var endpoint = await bus.GetSendEndpoint(new Uri($"exchange:{topic}"));
        await endpoint.Send(new OrderPlaced("o-7", 2));
    }

    public static void AddConsumer(IBusRegistrationConfigurator service, string url, string topic)
    {
        service.AddConsumer<BillingConsumer>();
        service.UsingRabbitMq((context, rabbit) =>
        {
            rabbit.Host(new Uri(url));
            rabbit.ReceiveEndpoint($"billing:{topic}", endpoint =>
            {
                endpoint.ConfigureConsumeTopology = false;
                endpoint.Bind($"{topic}_groups", exchange => exchange.SetExchangeArgument("alternate-exchange", $"{topic}_held"));
                endpoint.UseRawJsonDeserializer(RawSerializerOptions.AnyMessageType, isDefault: true);
                endpoint.ConfigureConsumer<BillingConsumer>(context);
            });
        });
    }

    /// <summary>Both ends on the in-memory transport.</summary>
    public static void AddInMemory(IBusRegistrationConfigurator service, string topic)
    {
        service.AddConsumer<BillingConsumer>();
        service.UsingInMemory((context, memory) =>
        {
            memory.Message<OrderPlaced>(message => message.SetEntityName(topic));
            memory.ReceiveEndpoint("billing", endpoint =>
            {
                endpoint.ConfigureConsumeTopology = false;
                endpoint.Bind(topic);
                endpoint.UseRawJsonDeserializer(RawSerializerOptions.AnyMessageType, isDefault: true);
                endpoint.ConfigureConsumer<BillingConsumer>(context);
            });
        });
    }
}

public sealed record OrderPlaced(string OrderId, int Quantity);

public sealed class BillingConsumer : IConsumer<OrderPlaced>
{
    public Task Consume(ConsumeContext<OrderPlaced> context) => Task.CompletedTask;
}
