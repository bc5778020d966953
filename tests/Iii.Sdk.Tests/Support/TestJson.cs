using System.Text.Json.Serialization;

namespace Iii.Sdk.Tests.Support;

internal sealed record Terms([property: JsonPropertyName("a")] int A, [property: JsonPropertyName("b")] int B);

internal sealed record Sum([property: JsonPropertyName("c")] int C);

[JsonSerializable(typeof(Terms))]
[JsonSerializable(typeof(Sum))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(int))]
internal sealed partial class TestJson : JsonSerializerContext;
