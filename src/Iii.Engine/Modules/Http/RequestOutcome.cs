using Iii.Engine.Invocations;

namespace Iii.Engine.Modules.Http;

/// <summary>How far a request came.</summary>
internal enum RequestEnd
{
    /// <summary>The function was called, and has answered.</summary>
    Called,

    /// <summary>The function was called, and streams its response.</summary>
    Streamed,

    /// <summary>The function has answered nothing, and its response channel broke off before the first piece.</summary>
    ResponseLost,

    /// <summary>The body is larger than the limit.</summary>
    BodyTooLarge,

    /// <summary>The time was over before the function could be called.</summary>
    TimedOut,

    /// <summary>The condition said no.</summary>
    ConditionNotMet,

    /// <summary>A middleware answered for the function.</summary>
    Answered,

    /// <summary>A middleware failed.</summary>
    MiddlewareFailed,

    /// <summary>The condition gave no answer.</summary>
    ConditionFailed,
}

/// <summary>A request whose function has been called, or will not be.</summary>
/// <param name="End">How far it came.</param>
/// <param name="Channels">Its channels, to be ended; null when it has none.</param>
/// <param name="Call">The call; only there when the function was called.</param>
/// <param name="Answer">The answer of a middleware.</param>
internal readonly record struct StartedRequest(
    RequestEnd End, RequestChannels? Channels, RequestCall? Call = null, byte[]? Answer = null);

/// <summary>What became of a request.</summary>
/// <param name="End">How far it came.</param>
/// <param name="Result">The function's result, to be disposed.</param>
/// <param name="Stream">The beginning of a streamed response.</param>
/// <param name="Answer">The answer of a middleware.</param>
internal readonly record struct RequestOutcome(
    RequestEnd End, InvocationResult Result = default, ResponseStart? Stream = null, byte[]? Answer = null);
