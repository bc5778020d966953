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
}
