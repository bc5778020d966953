using System.Net;
using System.Net.Sockets;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Gives the addresses of a host name.</summary>
internal delegate Task<IPAddress[]> HostResolver(string host, CancellationToken cancellation);

/// <summary>Opens a TCP connection to an address.</summary>
internal delegate ValueTask<Stream> Dialer(IPEndPoint target, CancellationToken cancellation);

/// <summary>A connection was not made, because of where it would have led.</summary>
internal sealed class UrlRefusedException(string message) : IOException(message);

/// <summary>
/// Connects to hosts whose addresses may be connected to. The name is resolved once, and exactly the addresses that were
/// looked at are dialled: a name that means something else a moment later gains nothing.
/// </summary>
internal sealed class GuardedDialer(bool blockPrivateIps, HostResolver? resolve = null, Dialer? dial = null)
{
    private readonly HostResolver _resolve = resolve ?? Dns.GetHostAddressesAsync;
    private readonly Dialer _dial = dial ?? DialAsync;

    /// <summary>Connects to the first address that answers.</summary>
    /// <exception cref="UrlRefusedException">The host has no address, or one of them must not be connected to.</exception>
    public async ValueTask<Stream> ConnectAsync(DnsEndPoint target, CancellationToken cancellation)
    {
        var addresses = await ResolveAsync(target.Host, cancellation);
        if (blockPrivateIps && Array.Exists(addresses, NonPublicAddress.Contains))
        {
            throw new UrlRefusedException(UrlPolicy.PrivateIpBlocked);
        }

        for (var i = 0; ; i++)
        {
            try
            {
                return await _dial(new IPEndPoint(addresses[i], target.Port), cancellation);
            }
            catch (SocketException) when (i + 1 < addresses.Length)
            {
                // The next address may answer.
            }
        }
    }

    private async ValueTask<IPAddress[]> ResolveAsync(string host, CancellationToken cancellation)
    {
        if (IPAddress.TryParse(host, out var literal))
        {
            return [literal];
        }

        try
        {
            var addresses = await _resolve(host, cancellation);
            return addresses.Length > 0 ? addresses : throw new UrlRefusedException(UrlPolicy.DnsLookupFailed);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new UrlRefusedException(UrlPolicy.DnsLookupFailed);
        }
    }

    private static async ValueTask<Stream> DialAsync(IPEndPoint target, CancellationToken cancellation)
    {
        var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
