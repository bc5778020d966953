using System.Text.Json.Serialization;

namespace Iii.Sdk.Channels;

internal sealed record ChannelRequest([property: JsonPropertyName("buffer_size")] int? BufferSize);

[JsonSerializable(typeof(ChannelRequest))]
[JsonSerializable(typeof(ChannelPair))]
internal sealed partial class ChannelJson : JsonSerializerContext;
