using System.Text.Json.Serialization;

namespace Iii.Bench.Workers;

/// <summary>What the function takes.</summary>
internal sealed record Terms([property: JsonPropertyName("a")] long A, [property: JsonPropertyName("b")] long B);

/// <summary>What the function returns, as the tuned worker does.</summary>
internal sealed record Answer([property: JsonPropertyName("status_code")] int StatusCode, [property: JsonPropertyName("body")] Total Body);

internal sealed record Total([property: JsonPropertyName("c")] long C);

[JsonSerializable(typeof(Terms))]
[JsonSerializable(typeof(Answer))]
internal sealed partial class SdkJson : JsonSerializerContext;
