using System.Text.Json.Serialization;

namespace Iii.Sdk;

/// <summary>The two ends of a new channel. Open one, and send the other to a function.</summary>
/// <param name="Writer">The end to write to.</param>
/// <param name="Reader">The end to read from.</param>
public sealed record ChannelPair(
    [property: JsonPropertyName("writer")] ChannelRef Writer,
    [property: JsonPropertyName("reader")] ChannelRef Reader);
