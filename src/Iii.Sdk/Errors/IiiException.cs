namespace Iii.Sdk;

/// <summary>What goes wrong between a worker and the engine, other than a timeout. Catch this to catch all of it.</summary>
public abstract class IiiException : Exception
{
    private protected IiiException(string code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>A stable code to decide by; the message is for people.</summary>
    public string Code { get; }
}
