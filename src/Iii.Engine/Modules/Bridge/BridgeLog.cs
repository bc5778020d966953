using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Bridge;

internal static partial class BridgeLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Bridge to {Url} is connected")]
    public static partial void BridgeConnected(this ILogger logger, string url);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Bridge to {Url} was closed by the other engine; it is connected again in 2 s")]
    public static partial void BridgeClosed(this ILogger logger, string url);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Bridge to {Url} is not connected: {Problem}; it is tried every 2 s from now on")]
    public static partial void BridgeLost(this ILogger logger, string url, string problem);
}
