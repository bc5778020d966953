namespace Iii.Broker;

/// <summary>The one exception of the seams: a failure that a correct program has to expect, with a stable code.</summary>
public sealed class BrokerException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="code">A code of <see cref="BrokerErrorCodes"/>.</param>
    /// <param name="message">What was wrong, the offending value, and what to do instead. Never a password or a connection string.</param>
    /// <param name="innerException">The broker client's own exception, if there is one.</param>
    public BrokerException(string code, string message, Exception? innerException = null)
        : base(message, innerException) => Code = code;

    /// <summary>The code, one of <see cref="BrokerErrorCodes"/>.</summary>
    public string Code { get; }
}
