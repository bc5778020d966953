using Microsoft.Extensions.Logging;

namespace Iii.Engine.Hosting;

internal static partial class HostingLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "The broker, {Broker}, is not reachable yet (attempt {Attempt}): {Problem} Trying again, {Left} left")]
    public static partial void BrokerUnreachable(this ILogger logger, string broker, int attempt, string problem, string left);

    [LoggerMessage(Level = LogLevel.Information, Message = "The broker, {Broker}, is reached with attempt {Attempt}")]
    public static partial void BrokerReached(this ILogger logger, string broker, int attempt);
}
