using Microsoft.Extensions.Logging;

namespace Iii.Adapters.RabbitMq;

internal static partial class RabbitMqLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "RabbitMQ: the {Role} connection to {Address} is open")]
    public static partial void Connected(this ILogger logger, string role, string address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: the {Role} connection to {Address} is lost: {Reason}")]
    public static partial void ConnectionLost(this ILogger logger, string role, string address, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: the {Role} connection could not be opened again (attempt {Attempt}), next attempt in {PauseMs} ms: {Reason}")]
    public static partial void ReconnectFailed(this ILogger logger, string role, int attempt, int pauseMs, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "RabbitMQ: something that uses the {Role} connection threw when it was told of a loss")]
    public static partial void UserThrew(this ILogger logger, Exception exception, string role);

    [LoggerMessage(Level = LogLevel.Error, Message = "RabbitMQ: who listens for changes of the connection threw")]
    public static partial void ListenerThrew(this ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: the broker blocks publishers: {Reason}")]
    public static partial void Blocked(this ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "RabbitMQ: the broker takes messages again")]
    public static partial void Unblocked(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Debug, Message = "RabbitMQ: closing failed: {Reason}")]
    public static partial void CloseFailed(this ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: a message of {Bytes} bytes to the subject {Subject} could not be read and was dropped")]
    public static partial void UnreadableBatch(this ILogger logger, string subject, int bytes);

    [LoggerMessage(Level = LogLevel.Error, Message = "RabbitMQ: the handler of {Name} threw")]
    public static partial void HandlerThrew(this ILogger logger, Exception exception, string name);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: a verdict on a message of the queue {Queue} could not be carried out, the message will be delivered again: {Reason}")]
    public static partial void VerdictFailed(this ILogger logger, string queue, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: the message {MessageId} ({Bytes} bytes) of the queue {Queue} cannot be read and goes to the dead letters")]
    public static partial void UnreadableMessage(this ILogger logger, string queue, string messageId, int bytes);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: the queue {Queue} could not be searched for messages that were left behind; the next consumer does it: {Reason}")]
    public static partial void SweepFailed(this ILogger logger, string queue, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: the attempts of {Count} messages of the queue {Queue} could not be handed over, those of each count as one: {Reason}")]
    public static partial void NotesLost(this ILogger logger, string queue, int count, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: delayed messages are due and cannot be handed to their groups, they are tried again each second: {Reason}")]
    public static partial void DelayedMessagesWait(this ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: the delayed messages that are due soon need too much memory, {Fewer} instead of {Many} are held at a time; others may be late")]
    public static partial void DelaysNarrowed(this ILogger logger, int many, int fewer);

    [LoggerMessage(Level = LogLevel.Warning, Message = "RabbitMQ: who cancels the message {MessageId} could not be told whether that was in time: {Reason}")]
    public static partial void AnswerLost(this ILogger logger, string messageId, string reason);
}
