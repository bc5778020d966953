using Microsoft.Extensions.Logging;

namespace Iii.Engine.Cluster;

internal static partial class ClusterLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Instance {Instance} is here")]
    public static partial void MemberJoined(this ILogger logger, string instance);

    [LoggerMessage(Level = LogLevel.Information, Message = "Instance {Instance} is gone: {Reason}")]
    public static partial void MemberLeft(this ILogger logger, string instance, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Instance {Instance} is silent: it gets no calls, and those that it had have failed")]
    public static partial void MemberSuspect(this ILogger logger, string instance);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The broker cannot be reached: functions here work on, those of other instances fail with broker_unavailable")]
    public static partial void BusGone(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "The broker is back")]
    public static partial void BusBack(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Frames of other instances were lost; calls under way between the instances have failed")]
    public static partial void FramesLost(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not all instances have said within {Seconds} s what they provide; starting without them")]
    public static partial void CatalogsMissing(this ILogger logger, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A frame of {Kind} from instance {Instance} could not be understood: {Problem}")]
    public static partial void FrameMalformed(this ILogger logger, string kind, string instance, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A frame on the bus is of another version of the engine, or of something else; it is ignored")]
    public static partial void FrameUnknown(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Error, Message = "A frame of {Kind} from instance {Instance} could not be worked through")]
    public static partial void FrameFailed(this ILogger logger, string kind, string instance, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An entry of instance {Instance} about a {Kind} could not be understood: {Problem}")]
    public static partial void EntryMalformed(this ILogger logger, string instance, Catalogs.CatalogKind kind, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Trigger {Id} of type {Type} of instance {Instance} cannot be served here: {Problem}")]
    public static partial void TriggerNotCopied(this ILogger logger, string id, string type, string instance, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An answer to instance {Instance} was not sent: {Outcome}")]
    public static partial void AnswerLost(this ILogger logger, string instance, Transfers.SendOutcome outcome);
}
