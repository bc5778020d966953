using Microsoft.Extensions.Logging;

namespace Iii.Adapters.Sqlite.Queues;

internal static partial class QueueLog
{
    [LoggerMessage(Level = LogLevel.Error, Message = "Message {MessageId} of queue {Queue}, group {Group} cannot be read and is now a dead letter")]
    public static partial void Undecodable(this ILogger logger, string messageId, string queue, string? group);
}
