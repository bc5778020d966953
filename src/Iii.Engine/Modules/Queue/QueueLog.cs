using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

internal static partial class QueueLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Trigger {Id} for {FunctionId}: the fields {Fields} of its queue_config are not known or of a wrong type, and are ignored")]
    public static partial void FieldsIgnored(this ILogger logger, string id, string functionId, string fields);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Trigger {Id} for {FunctionId} has no topic, so it never fires")]
    public static partial void NoTopic(this ILogger logger, string id, string functionId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Trigger {Id} was refused by the engine at {Url}, which has the queues: {Problem}")]
    public static partial void BridgedTriggerRefused(this ILogger logger, string id, string url, string problem);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Consuming {Queue}, group {Group}: {Concurrency} jobs at a time")]
    public static partial void ConsumingStarted(this ILogger logger, string queue, string group, int concurrency);

    [LoggerMessage(Level = LogLevel.Debug, Message = "No longer consuming {Queue}, group {Group}")]
    public static partial void ConsumingStopped(this ILogger logger, string queue, string group);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cannot consume {Queue}, group {Group}: {Problem} Trying again until it works")]
    public static partial void ConsumingFailed(this ILogger logger, string queue, string group, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The consumer of {Queue}, group {Group}, did not stop in order: {Problem}")]
    public static partial void StoppingFailed(this ILogger logger, string queue, string group, string problem);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Job {MessageId} of {Name} failed, {FunctionId} is tried again in {Delay}: {Code}: {Reason}")]
    public static partial void JobRetried(
        this ILogger logger, string name, string messageId, string functionId, TimeSpan delay, string code, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Job {MessageId} of {Name} waits for {Delay}: nobody could take it for {FunctionId}")]
    public static partial void JobWaits(this ILogger logger, string name, string messageId, string functionId, TimeSpan delay);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {MessageId} of {Name} is a dead letter: {FunctionId}, delivery {Attempt}: {Code}: {Reason}")]
    public static partial void JobDead(
        this ILogger logger, string name, string messageId, string functionId, int attempt, string code, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A call of {FunctionId} was not enqueued, and nobody waits for an answer: {Problem}")]
    public static partial void CallNotEnqueued(this ILogger logger, string functionId, string problem);
}
