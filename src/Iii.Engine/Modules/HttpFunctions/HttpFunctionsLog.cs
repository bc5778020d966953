using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.HttpFunctions;

internal static partial class HttpFunctionsLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Function {FunctionId} cannot be called over HTTP, and every call will fail with {Code}: {Problem}")]
    public static partial void FunctionCannotBeCalled(this ILogger logger, string functionId, string code, string problem);
}
