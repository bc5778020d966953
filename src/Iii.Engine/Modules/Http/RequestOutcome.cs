using Iii.Engine.Invocations;

namespace Iii.Engine.Modules.Http;

/// <summary>How far a request came.</summary>
internal enum RequestEnd
{
    /// <summary>The function was called, and there is its result.</summary>
    Called,

    /// <summary>The body is larger than the limit.</summary>
    BodyTooLarge,

    /// <summary>The time was over before the function could be called.</summary>
    TimedOut,

    /// <summary>The condition said no.</summary>
    ConditionNotMet,

    /// <summary>The condition gave no answer.</summary>
    ConditionFailed,
}

/// <summary>What became of a request.</summary>
/// <param name="End">How far it came.</param>
/// <param name="Result">The function's result, to be disposed.</param>
internal readonly record struct RequestOutcome(RequestEnd End, InvocationResult Result = default);
