using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Iii.Engine.Hosting;

/// <summary>One address that the engine listens on, and what handles its requests.</summary>
internal sealed class Listener(string name, string host, int port, string setting)
{
    private ListenOptions? _bound;

    /// <summary>What is served there, for people.</summary>
    public string Name => name;

    public string Host => host;

    /// <summary>The port; for a configured 0, the one that the system chose, once the listener is bound.</summary>
    public int Port => _bound?.IPEndPoint?.Port ?? port;

    /// <summary>The setting to change when the port is taken.</summary>
    public string Setting => setting;

    /// <summary>Handles the requests of this listener; to be set before the host starts.</summary>
    public RequestDelegate Handler { get; set; } = static _ => throw new InvalidOperationException("the listener has no handler");

    /// <summary>What the server is told to bind to; null before that.</summary>
    public IPEndPoint? EndPoint { get; private set; }

    /// <summary>The bound socket; null before.</summary>
    public IConnectionListener? Socket { get; set; }

    /// <summary>Why there is no address to bind to; null when there is one.</summary>
    public string? Problem { get; private set; }

    /// <summary>Takes a place among the server's listeners, unless the host has no address.</summary>
    public void BindTo(KestrelServerOptions kestrel)
    {
        if (Resolve() is not { } address)
        {
            return;
        }

        EndPoint = new IPEndPoint(address, port);
        kestrel.Listen(EndPoint, options =>
        {
            options.Protocols = HttpProtocols.Http1;
            options.Use(next => connection =>
            {
                // A request finds its listener through its connection: the port alone would not tell, when it is the system's choice.
                connection.Features.Set(this);
                return next(connection);
            });
            _bound = options;
        });
    }

    /// <summary>Takes no new connections from now on: the system refuses them. Those that there are stay.</summary>
    public ValueTask CloseAsync() => Socket?.UnbindAsync() ?? default;

    private IPAddress? Resolve()
    {
        if (IPAddress.TryParse(host, out var address))
        {
            return address;
        }

        try
        {
            return host == "localhost" ? IPAddress.Loopback : Dns.GetHostAddresses(host)[0];
        }
        catch (SocketException e)
        {
            Problem = $"The host '{host}' of {name} has no address ({e.Message}). Write an IP address of this machine, such as 0.0.0.0.";
            return null;
        }
    }
}
