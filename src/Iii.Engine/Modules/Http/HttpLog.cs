using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Http;

internal static partial class HttpLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "{Count} routes published in {Milliseconds:0.0} ms")]
    public static partial void RoutesPublished(this ILogger logger, int count, double milliseconds);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "{Method} {Route} is served by {FunctionId} from now on; {PreviousFunctionId} serves it again when that leaves")]
    public static partial void RouteTakenOver(
        this ILogger logger, string method, string route, string functionId, string previousFunctionId);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Route} failed, error {ErrorId}: {FunctionId}: {Code}: {Reason}")]
    public static partial void FunctionFailed(
        this ILogger logger, string method, string route, string errorId, string functionId, string code, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Route} failed, error {ErrorId}: its condition {FunctionId} gave no answer")]
    public static partial void ConditionFailed(this ILogger logger, string method, string route, string errorId, string functionId);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Route} failed inside the engine, error {ErrorId}")]
    public static partial void RequestFailed(this ILogger logger, Exception exception, string method, string route, string errorId);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Route} failed: its middleware {FunctionId}: {Code}: {Reason}")]
    public static partial void MiddlewareFailed(
        this ILogger logger, string method, string route, string functionId, string code, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} {Route} took too long: {FunctionId} did not answer in time")]
    public static partial void RequestTimedOut(this ILogger logger, string method, string route, string functionId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Method} {Route} was turned away: too many requests are under way")]
    public static partial void RequestTurnedAway(this ILogger logger, string method, string route);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} {Route} was turned away: {FunctionId} needs the broker: {Reason}")]
    public static partial void BrokerUnavailable(this ILogger logger, string method, string route, string functionId, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} {Route}: {FunctionId} was lost in the middle of its response; the client's connection is cut")]
    public static partial void ResponseLost(this ILogger logger, string method, string route, string functionId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Method} {Route}: the client left while its request was read or answered")]
    public static partial void ClientLeft(this ILogger logger, string method, string route);
}
