namespace Iii.Sdk;

/// <summary>Thrown by a handler to answer its call with an error code of its own.</summary>
/// <example><code>throw new IiiFunctionException("out_of_stock", "There are 3 left.");</code></example>
public sealed class IiiFunctionException : IiiException
{
    /// <summary>Makes the error.</summary>
    /// <param name="code">The code that the caller decides by, for example <c>out_of_stock</c>.</param>
    /// <param name="message">The message for people.</param>
    /// <param name="inner">What caused it; stays in this process.</param>
    public IiiFunctionException(string code, string message, Exception? inner = null)
        : base(code, message, inner) => ArgumentException.ThrowIfNullOrWhiteSpace(code);
}
