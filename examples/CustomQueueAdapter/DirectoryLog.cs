using Microsoft.Extensions.Logging;

namespace CustomQueueAdapter;

internal static partial class DirectoryLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "The folder {Folder} cannot be used; it is tried again")]
    public static partial void FolderUnusable(this ILogger logger, Exception problem, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The message {Name} in {Folder} cannot be used; it is tried again when its lease ends")]
    public static partial void MessageUnusable(this ILogger logger, Exception problem, string name, string folder);
}
