using System.Text.Json;
using Iii.Engine.Hosting;
using Iii.Protocol;

namespace Iii.Engine.Channels;

/// <summary>
/// What a worker needs to open an end: <c>{"channel_id","access_key","direction"}</c>. SDKs know such an object wherever it
/// stands in an input, by these members.
/// </summary>
internal static class ChannelRef
{
    public static void Write(Utf8JsonWriter writer, string name, MessageChannel channel, ChannelDirection direction, InstanceId instance)
    {
        writer.WriteStartObject(name);
        writer.WriteString("channel_id", ChannelId.TextOf(channel.Id, instance));
        writer.WriteString("access_key", channel.KeyOf(direction).ToString());
        writer.WriteString("direction", direction == ChannelDirection.Read ? "read" : "write");
        writer.WriteEndObject();
    }

    public static void Append(ref FrameBuilder frame, MessageChannel channel, ChannelDirection direction, InstanceId instance)
    {
        frame.Append("{\"channel_id\":\""u8);
        var idLength = ChannelId.LengthOf(instance);
        ChannelId.Write(channel.Id, instance, frame.Reserve(idLength));
        frame.Advance(idLength);
        frame.Append("\",\"access_key\":\""u8);
        channel.KeyOf(direction).Write(frame.Reserve(AccessKey.TextLength));
        frame.Advance(AccessKey.TextLength);
        frame.Append(direction == ChannelDirection.Read ? "\",\"direction\":\"read\"}"u8 : "\",\"direction\":\"write\"}"u8);
    }
}
