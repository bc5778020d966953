using Microsoft.Extensions.Logging;

namespace Iii.Engine.Channels;

internal static partial class ChannelLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Channel {ChannelId}: its {Direction} end was opened")]
    public static partial void EndOpened(this ILogger logger, Guid channelId, ChannelDirection direction);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Channel {ChannelId}: its {Direction} end is closed")]
    public static partial void EndClosed(this ILogger logger, Guid channelId, ChannelDirection direction);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Channel {ChannelId}: its {Direction} end was asked for a second time, which is refused")]
    public static partial void EndRefused(this ILogger logger, string channelId, ChannelDirection direction);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Channel {ChannelId}: its writer was lost before it had closed")]
    public static partial void WriterLost(this ILogger logger, Guid channelId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Channel {ChannelId}: its writer sent a message longer than {Limit} bytes (max_message_bytes)")]
    public static partial void MessageTooBig(this ILogger logger, Guid channelId, int limit);
}
