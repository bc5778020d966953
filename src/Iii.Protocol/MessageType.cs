namespace Iii.Protocol;

/// <summary>The kinds of message on a worker socket, named on the wire by their lower-case names without separators.</summary>
public enum MessageType
{
    /// <summary>The frame has no <c>type</c>, or one that this version does not know.</summary>
    Unknown = 0,

    /// <summary>Engine → worker: the first frame of every connection.</summary>
    WorkerRegistered,

    /// <summary>Worker → engine: the worker provides a function.</summary>
    RegisterFunction,

    /// <summary>Worker → engine: the worker provides a function no longer.</summary>
    UnregisterFunction,

    /// <summary>Worker → engine: the worker provides a trigger type.</summary>
    RegisterTriggerType,

    /// <summary>Worker → engine: the worker provides a trigger type no longer.</summary>
    UnregisterTriggerType,

    /// <summary>Both ways: a trigger is wanted; the engine passes it on to the worker that provides the type.</summary>
    RegisterTrigger,

    /// <summary>Both ways: a trigger is wanted no longer.</summary>
    UnregisterTrigger,

    /// <summary>Both ways: whether a trigger could be set up.</summary>
    TriggerRegistrationResult,

    /// <summary>Both ways: a call.</summary>
    InvokeFunction,

    /// <summary>Both ways: the answer to a call.</summary>
    InvocationResult,

    /// <summary>Worker → engine: a named group of functions (bookkeeping only).</summary>
    RegisterService,

    /// <summary>Worker → engine: this connection continues an earlier one.</summary>
    Reattach,

    /// <summary>Either side asks for a <see cref="Pong"/>.</summary>
    Ping,

    /// <summary>The answer to a <see cref="Ping"/>.</summary>
    Pong,
}
