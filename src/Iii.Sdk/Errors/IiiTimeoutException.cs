using Iii.Protocol;

namespace Iii.Sdk;

/// <summary>A call was not answered in time, by the caller's limit or by the engine's. It may still run.</summary>
public sealed class IiiTimeoutException : TimeoutException
{
    internal IiiTimeoutException(string functionId, string message)
        : base(message) => FunctionId = functionId;

    /// <summary>The stable code of this error.</summary>
    public string Code { get; } = ErrorCodes.InvocationTimeout;

    /// <summary>The function that was called.</summary>
    public string FunctionId { get; }
}
