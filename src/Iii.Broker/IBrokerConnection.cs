namespace Iii.Broker;

/// <summary>Optional ability of a seam's adapter: says whether its broker can be reached at this moment.</summary>
public interface IBrokerConnection
{
    /// <summary>False from the moment the adapter notices that the connection is gone until it is back and everything is restored.</summary>
    bool IsConnected { get; }

    /// <summary>Raised after <see cref="IsConnected"/> has changed, on any thread. Handlers must be fast and must not throw.</summary>
    event Action? ConnectionChanged;
}
