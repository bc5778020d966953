using Microsoft.Extensions.Logging;

namespace Iii.Adapters.Redis;

internal static partial class RedisLog
{
    [LoggerMessage(LogLevel.Information, "Connected to Redis at {Where} (Redis Cluster: {IsCluster}).")]
    public static partial void Connected(ILogger log, string where, bool isCluster);

    [LoggerMessage(LogLevel.Warning, "Redis at {Where} cannot be reached, or does not answer. Calls fail until it does.")]
    public static partial void Lost(ILogger log, string where);

    [LoggerMessage(LogLevel.Information, "Redis at {Where} answers again, and all subscriptions are restored.")]
    public static partial void Restored(ILogger log, string where);

    [LoggerMessage(LogLevel.Error, "The handler of the subscription to '{Subject}' threw. The frame counts as handled.")]
    public static partial void BusHandlerFailed(ILogger log, Exception exception, string subject);

    [LoggerMessage(
        LogLevel.Warning,
        "A message of {Bytes} bytes on the channel of '{Subject}' is not of the format of this version; its frames are lost. "
        + "Is another program publishing there, or an instance of another version?")]
    public static partial void UnreadableBatch(ILogger log, int bytes, string subject);

    [LoggerMessage(LogLevel.Error, "The handler of the queue '{Queue}' threw, with the message {MessageId}, which is delivered again.")]
    public static partial void QueueHandlerFailed(ILogger log, Exception exception, string queue, string messageId);

    [LoggerMessage(
        LogLevel.Warning, "The lease on message {MessageId} of the queue '{Queue}' is lost. It is delivered again; this handler's verdict does not count.")]
    public static partial void LeaseLost(ILogger log, string queue, string messageId);

    [LoggerMessage(LogLevel.Warning, "A consumer of the queue '{Queue}' could not do its work. It tries again.")]
    public static partial void WorkFailed(ILogger log, Exception exception, string queue);

    [LoggerMessage(
        LogLevel.Warning,
        "A consumer of the queue '{Queue}' stopped and could not tell Redis of {Count} verdicts. Their messages are delivered again.")]
    public static partial void VerdictsLost(ILogger log, string queue, int count);

    [LoggerMessage(
        LogLevel.Warning, "Message {MessageId} of the queue '{Queue}' is not of the format of this version. It goes to the dead letters as it is.")]
    public static partial void UnreadableRecord(ILogger log, string queue, string messageId);

    [LoggerMessage(
        LogLevel.Warning,
        "Redis at {Where} has maxmemory-policy {Policy}: when its memory is full it deletes messages that were accepted. Set it to noeviction.")]
    public static partial void Evicts(ILogger log, string where, string policy);

    [LoggerMessage(
        LogLevel.Warning,
        "Redis at {Where} has no append-only file: messages that were accepted are lost when its process ends. Set appendonly to yes, "
        + "and appendfsync to always if they must survive a loss of power.")]
    public static partial void HasNoAppendOnlyFile(ILogger log, string where);

    [LoggerMessage(
        LogLevel.Warning,
        "Redis at {Where} has appendfsync {Fsync}: the last moments before a loss of power may be lost. Set it to always if they must not.")]
    public static partial void SyncsLater(ILogger log, string where, string fsync);
}
