using Microsoft.Extensions.Logging;

namespace Iii.Engine.Hosting;

internal static partial class HostingLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "The broker, {Broker}, is not reachable yet (attempt {Attempt}): {Problem} Trying again, {Left} left")]
    public static partial void BrokerUnreachable(this ILogger logger, string broker, int attempt, string problem, string left);

    [LoggerMessage(Level = LogLevel.Information, Message = "The broker, {Broker}, is reached with attempt {Attempt}")]
    public static partial void BrokerReached(this ILogger logger, string broker, int attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A broker could not be closed within {Patience}: what it was not told, others find out when leases run out")]
    public static partial void BrokerNotClosed(this ILogger logger, TimeSpan patience);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The broker {Adapter} has no queues, so there is no queue module; name an adapter in its config")]
    public static partial void BrokerWithoutQueues(this ILogger logger, string adapter);
}
