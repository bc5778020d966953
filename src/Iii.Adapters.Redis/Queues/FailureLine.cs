using System.Text.Json.Serialization;

namespace Iii.Adapters.Redis.Queues;

/// <summary>One failed attempt as it is stored: a line of JSON. <c>common.lua</c> writes such lines too.</summary>
internal sealed record FailureLine(int Attempt, long At, string? Code, string? Message, string? Worker = null, string? TraceId = null);

/// <summary>Reads and writes the lines.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(FailureLine))]
internal sealed partial class FailureLineJson : JsonSerializerContext;
