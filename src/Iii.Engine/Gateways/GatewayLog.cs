using System.Net.WebSockets;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Gateways;

internal static partial class GatewayLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Socket {WorkerId} opened from {RemoteAddress}")]
    public static partial void SocketOpened(this ILogger logger, string workerId, string? remoteAddress);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Socket {WorkerId} closed ({CloseStatus})")]
    public static partial void SocketClosed(this ILogger logger, string workerId, WebSocketCloseStatus? closeStatus);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {WorkerId} sent a message that is dropped: {Problem}")]
    public static partial void MalformedMessage(this ILogger logger, string workerId, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Further malformed messages of worker {WorkerId} are dropped without a word")]
    public static partial void MalformedMessagesMuted(this ILogger logger, string workerId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Worker {WorkerId} sent a message of unknown type, which is ignored")]
    public static partial void UnknownMessage(this ILogger logger, string workerId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Worker {WorkerId} answered a call that has ended")]
    public static partial void LateResult(this ILogger logger, string workerId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {WorkerId} sent a message of {Length} bytes or more; the limit is {Limit} (max_message_bytes)")]
    public static partial void MessageTooBig(this ILogger logger, string workerId, int length, int limit);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Function {FunctionId} of worker {WorkerId} is not registered: {Problem}")]
    public static partial void FunctionRefused(this ILogger logger, string workerId, string functionId, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Trigger type {TriggerType} of worker {WorkerId} is not registered: {Problem}")]
    public static partial void TriggerTypeRefused(this ILogger logger, string workerId, string triggerType, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "A message of worker {WorkerId} could not be carried out; the connection goes on")]
    public static partial void MessageFailed(this ILogger logger, string workerId, Exception exception);
}
