using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Iii.Engine.Hosting;

/// <summary>Binds sockets as the server itself would, and tells each listener its own, so that one can be closed before the others.</summary>
internal sealed class ListenerFactory(IReadOnlyList<Listener> listeners, SocketTransportFactory sockets) : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var listener = listeners.Single(listener => ReferenceEquals(listener.EndPoint, endpoint));
        try
        {
            return listener.Socket = await sockets.BindAsync(endpoint, cancellationToken);
        }
        catch (SocketException e)
        {
            // A port that is taken has an exception of its own, which the server looks for.
            throw new EngineStartException($"Cannot listen at {endpoint} ({listener.Name}): {e.Message}. {Advice(e.SocketErrorCode, listener)}", e);
        }
    }

    private static string Advice(SocketError error, Listener listener) => error == SocketError.AccessDenied
        ? $"This user may not open the port; set a higher one: {listener.Setting}."
        : "Write an address of this machine as its host, such as 0.0.0.0.";
}
