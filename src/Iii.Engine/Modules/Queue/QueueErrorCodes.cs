namespace Iii.Engine.Modules.Queue;

/// <summary>The codes of this module's own errors.</summary>
internal static class QueueErrorCodes
{
    /// <summary>The topic is empty.</summary>
    public const string TopicNotSet = "topic_not_set";

    /// <summary>The broker did not take the message.</summary>
    public const string EnqueueFailed = "enqueue_failed";

    /// <summary>No queue was named.</summary>
    public const string QueueNotSet = "queue_not_set";

    /// <summary>No message was named.</summary>
    public const string MessageIdNotSet = "message_id_not_set";

    /// <summary>The dead letters of a queue could not be put back.</summary>
    public const string RedriveFailed = "redrive_failed";

    /// <summary>A dead letter could not be put back.</summary>
    public const string RedriveMessageFailed = "redrive_message_failed";

    /// <summary>A dead letter could not be deleted.</summary>
    public const string DiscardMessageFailed = "discard_message_failed";

    /// <summary>A message could not be taken back.</summary>
    public const string CancelFailed = "cancel_failed";

    /// <summary>No function was named.</summary>
    public const string FunctionIdNotSet = "function_id_not_set";

    /// <summary>What is kept for a subscriber could not be deleted.</summary>
    public const string RemoveSubscriberFailed = "remove_subscriber_failed";

    /// <summary>The broker could not tell what there is.</summary>
    public const string InspectionFailed = "inspection_failed";

    /// <summary>The condition of a trigger answered with an error.</summary>
    public const string ConditionFailed = "condition_failed";

    /// <summary>The message is no job: its payload is not JSON, or it does not say which function it is for.</summary>
    public const string MalformedJob = "malformed_job";
}
