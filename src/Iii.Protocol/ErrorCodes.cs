namespace Iii.Protocol;

/// <summary>The stable codes that stand in the <c>code</c> member of an error.</summary>
public static class ErrorCodes
{
    /// <summary>No connected worker provides the function, and the engine has none of that id.</summary>
    public const string FunctionNotFound = "function_not_found";

    /// <summary>The worker, or the instance, that ran the call was lost. The call may have run.</summary>
    public const string InvocationStopped = "invocation_stopped";

    /// <summary>The deadline of the call passed. The call may still be running.</summary>
    public const string InvocationTimeout = "invocation_timeout";

    /// <summary>The function failed and gave no code of its own.</summary>
    public const string InvocationFailed = "invocation_failed";

    /// <summary>The engine could not carry out the call.</summary>
    public const string InvocationError = "invocation_error";

    /// <summary>A frame with a readable invocation id could not be understood.</summary>
    public const string MalformedMessage = "malformed_message";

    /// <summary>Every provider of the function has its outbound queue full. The call did not run.</summary>
    public const string WorkerOverloaded = "worker_overloaded";

    /// <summary>The call needs the broker, which cannot be reached at the moment. The call did not run.</summary>
    public const string BrokerUnavailable = "broker_unavailable";

    /// <summary>A function of the engine could not read its input.</summary>
    public const string DeserializationError = "deserialization_error";

    /// <summary>A call asked to be enqueued and could not be.</summary>
    public const string EnqueueError = "enqueue_error";

    /// <summary>A trigger could not be set up.</summary>
    public const string TriggerRegistrationFailed = "trigger_registration_failed";

    /// <summary>A bound of the engine was reached.</summary>
    public const string LimitExceeded = "limit_exceeded";

    /// <summary>What was asked about does not exist.</summary>
    public const string NotFound = "not_found";

    /// <summary>The engine shuts down and takes no new work. The call did not run.</summary>
    public const string ShuttingDown = "shutting_down";
}
