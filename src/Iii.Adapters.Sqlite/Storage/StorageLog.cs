using Microsoft.Extensions.Logging;

namespace Iii.Adapters.Sqlite.Storage;

internal static partial class StorageLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{Path} is open")]
    public static partial void Opened(this ILogger logger, string path);

    [LoggerMessage(Level = LogLevel.Error, Message = "A transaction of {Path} with {Count} operations failed and was taken back")]
    public static partial void TransactionFailed(this ILogger logger, Exception exception, string path, int count);

    [LoggerMessage(Level = LogLevel.Error, Message = "A transaction of {Path} that failed could not be taken back")]
    public static partial void RollbackFailed(this ILogger logger, Exception exception, string path);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path} could not be closed in order; what was acknowledged is in it")]
    public static partial void CloseFailed(this ILogger logger, Exception exception, string path);

    [LoggerMessage(Level = LogLevel.Error, Message = "An outcome could not be written to {Path}; its message is delivered again")]
    public static partial void OperationGivenUp(this ILogger logger, Exception exception, string path);
}
