namespace Iii.Engine.Hosting;

/// <summary>The engine could not start; the message says why and what to do. Nothing of it is left running.</summary>
public sealed class EngineStartException : Exception
{
    /// <summary>Creates the exception.</summary>
    public EngineStartException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}
