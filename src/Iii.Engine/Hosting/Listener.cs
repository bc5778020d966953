using System.Net;
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

    public void BindTo(KestrelServerOptions kestrel)
    {
        var address = host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(host);
        kestrel.Listen(address, port, options =>
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
}
