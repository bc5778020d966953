using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Iii.Engine.Modules.Http;

/// <summary>The address of the client: that of the socket, or what a trusted proxy says of it.</summary>
internal sealed class ClientAddress(bool trustProxy)
{
    /// <summary>Room for any address as text.</summary>
    public const int MaxLength = 65;

    private const string MappedPrefix = "::ffff:";
    private const string ForwardedFor = "X-Forwarded-For";

    /// <summary>Writes the address as text.</summary>
    /// <returns>The number of characters; 0 when there is no address, as on a Unix socket.</returns>
    public int Write(HttpContext context, Span<char> destination)
    {
        if (trustProxy && Forwarded(context) is { } forwarded)
        {
            return Format(forwarded, destination);
        }

        return context.Features.Get<IHttpConnectionFeature>()?.RemoteIpAddress is { } address ? Format(address, destination) : 0;
    }

    // The last address is the one that the trusted proxy itself has seen; those before it are the client's word. A port is
    // left out.
    private static IPAddress? Forwarded(HttpContext context)
    {
        var values = context.Request.Headers[ForwardedFor];
        var all = values.Count == 0 ? default : values[^1].AsSpan();
        return IPEndPoint.TryParse(all[(all.LastIndexOf(',') + 1)..].Trim(), out var endpoint) ? endpoint.Address : null;
    }

    private static int Format(IPAddress address, Span<char> destination)
    {
        address.TryFormat(destination, out var length);
        if (address.IsIPv4MappedToIPv6)
        {
            // A socket for both families shows IPv4 clients in this disguise.
            destination[MappedPrefix.Length..length].CopyTo(destination);
            length -= MappedPrefix.Length;
        }

        return length;
    }
}
