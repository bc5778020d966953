using Microsoft.Extensions.Logging;

namespace Iii.Engine.Triggers;

internal static partial class TriggerLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Trigger {Id} for {FunctionId} waits: nobody provides the trigger type {Type} yet")]
    public static partial void TriggerWaits(this ILogger logger, string id, string type, string functionId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Trigger {Id} of type {Type} for {FunctionId} is not registered: {Problem}")]
    public static partial void TriggerRefused(this ILogger logger, string id, string type, string functionId, string problem);
}
