using Microsoft.Extensions.Logging;

namespace Iii.Adapters.MassTransit;

internal static partial class MassTransitLog
{
    [LoggerMessage(Level = LogLevel.Error, Message = "MassTransit: the handler of {Queue} threw")]
    public static partial void HandlerThrew(this ILogger logger, Exception exception, string queue);

    [LoggerMessage(Level = LogLevel.Warning, Message = "MassTransit: a verdict on a message of the queue {Queue} could not be carried out, the message will be delivered again: {Reason}")]
    public static partial void VerdictFailed(this ILogger logger, string queue, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "MassTransit: the message {MessageId} ({Bytes} bytes) of the queue {Queue} cannot be read and goes to the dead letters: {Reason}")]
    public static partial void UnreadableMessage(this ILogger logger, string queue, string messageId, int bytes, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "MassTransit: the queue {Queue} could not be searched for messages that were left behind; the next consumer does it: {Reason}")]
    public static partial void SweepFailed(this ILogger logger, string queue, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "MassTransit: closing failed: {Reason}")]
    public static partial void CloseFailed(this ILogger logger, string reason);
}
