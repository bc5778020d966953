using Microsoft.Extensions.Logging;

namespace Iii.Sdk;

internal static partial class SdkLog
{
    [LoggerMessage(1, LogLevel.Information, "connected to {Url} as worker {WorkerId}")]
    public static partial void Connected(this ILogger logger, Uri url, string workerId);

    [LoggerMessage(2, LogLevel.Warning, "the connection to {Url} ended (close code {CloseCode}); connecting again in {Delay}")]
    public static partial void Disconnected(this ILogger logger, Uri url, int? closeCode, TimeSpan delay, Exception? e);

    [LoggerMessage(3, LogLevel.Warning, "cannot connect to {Url}; trying again in {Delay}")]
    public static partial void ConnectFailed(this ILogger logger, Uri url, TimeSpan delay, Exception e);

    [LoggerMessage(4, LogLevel.Warning, "the engine sent a message that cannot be read: {Problem}")]
    public static partial void MalformedMessage(this ILogger logger, string problem);

    [LoggerMessage(5, LogLevel.Error, "handling a message of the engine failed")]
    public static partial void MessageFailed(this ILogger logger, Exception e);

    [LoggerMessage(6, LogLevel.Warning, "trigger {Id} of type {Type} for {FunctionId} was refused: {Message} ({Code})")]
    public static partial void TriggerRefused(this ILogger logger, string id, string? type, string? functionId, string message, string code);

    [LoggerMessage(7, LogLevel.Error, "{FunctionId} failed")]
    public static partial void FunctionFailed(this ILogger logger, string functionId, Exception e);

    [LoggerMessage(8, LogLevel.Warning, "{Count} handlers were still running when the time to shut down was over")]
    public static partial void HandlersAbandoned(this ILogger logger, int count);

    [LoggerMessage(9, LogLevel.Error, "the callback of trigger type {Type} failed for trigger {Id}")]
    public static partial void TriggerCallbackFailed(this ILogger logger, string type, string id, Exception e);
}
