namespace Iii.Sdk;

/// <summary>A call could not be brought to an end because of the connection.</summary>
public sealed class IiiConnectionException : IiiException
{
    /// <summary><see cref="IiiException.Code"/> when the connection broke after the call was sent. It may have run.</summary>
    public const string ConnectionLost = "connection_lost";

    /// <summary><see cref="IiiException.Code"/> when the worker was disposed of. A call that had not been sent did not run.</summary>
    public const string WorkerClosed = "worker_closed";

    /// <summary><see cref="IiiException.Code"/> when too many calls wait for the connection already. The call did not run.</summary>
    public const string QueueFull = "queue_full";

    internal IiiConnectionException(string code, string message, Exception? inner = null)
        : base(code, message, inner)
    {
    }
}
