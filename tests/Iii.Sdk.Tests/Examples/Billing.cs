using System.Text.Json.Serialization;

namespace Iii.Sdk.Tests.Examples.Billing;

internal sealed record Terms(int A, int B);

internal sealed record Sum(int C);

internal sealed record Basket(string Sku, int Quantity);

internal sealed record Price(decimal Total);

internal sealed record Export(string Table, ChannelRef Target);

[JsonSerializable(typeof(Terms))]
[JsonSerializable(typeof(Sum))]
[JsonSerializable(typeof(Basket))]
[JsonSerializable(typeof(Price))]
[JsonSerializable(typeof(Export))]
internal sealed partial class Json : JsonSerializerContext;

internal sealed class PriceList(decimal each)
{
    public ValueTask<Price> OfAsync(Basket basket, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new ValueTask<Price>(new Price(basket.Quantity * each));
    }
}
