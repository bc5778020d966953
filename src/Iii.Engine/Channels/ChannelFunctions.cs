using System.Text.Json;
using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Channels;

/// <summary>The function with which workers make channels.</summary>
internal static class ChannelFunctions
{
    public static void AddTo(EngineFunctions engine, ChannelDirectory channels) =>
        engine.Add("engine::channels::create", "Creates a channel and returns the refs of its two ends", (call, input, writer) =>
        {
            var channel = channels.TryCreate(call.Caller?.Id, BufferSize(call, input)) ?? throw new EngineFunctionException(
                ErrorCodes.LimitExceeded, "There are as many channels as max_channels allows; close some, or try again later");
            writer.WriteStartObject();
            ChannelRef.Write(writer, "writer", channel, ChannelDirection.Write, channels.Instance);
            ChannelRef.Write(writer, "reader", channel, ChannelDirection.Read, channels.Instance);
            writer.WriteEndObject();
        });

    private static int BufferSize(EngineCall call, JsonElement input)
    {
        if (!input.TryGetProperty("buffer_size", out var size) || size.ValueKind == JsonValueKind.Null)
        {
            return MessageChannel.DefaultBufferSize;
        }

        return size.ValueKind == JsonValueKind.Number && size.TryGetUInt64(out var messages)
            ? (int)Math.Clamp(messages, 1, MessageChannel.MaxBufferSize)
            : throw new EngineFunctionException(
                ErrorCodes.DeserializationError,
                $"Failed to deserialize input for {call.FunctionId}: 'buffer_size' must be a whole number of messages, not {size.GetRawText()}");
    }
}
