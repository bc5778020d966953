using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Iii.Engine.Hosting;

/// <summary>Binds sockets as the server itself would, and tells each listener its own, so that one can be closed before the others.</summary>
internal sealed class ListenerFactory(IReadOnlyList<Listener> listeners, SocketTransportFactory sockets) : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var bound = await sockets.BindAsync(endpoint, cancellationToken);
        listeners.Single(listener => ReferenceEquals(listener.EndPoint, endpoint)).Socket = bound;
        return bound;
    }
}
