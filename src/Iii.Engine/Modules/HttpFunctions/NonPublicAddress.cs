using System.Net;
using System.Net.Sockets;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>
/// Which addresses are not on the public internet: those of the machine, of its networks, of groups, and those reserved.
/// </summary>
/// <remarks>
/// Of IPv6 only what is global unicast passes. An IPv6 address with an IPv4 address inside, which some router or the system
/// would unpack, is judged by that one too.
/// </remarks>
internal static class NonPublicAddress
{
    private static readonly IPNetwork[] BlockedV4 =
    [
        .. new[]
        {
            "0.0.0.0/8", // this network
            "10.0.0.0/8", // private
            "100.64.0.0/10", // shared by the customers of a carrier
            "127.0.0.0/8", // loopback
            "169.254.0.0/16", // link-local, where clouds keep the credentials of machines
            "172.16.0.0/12", // private
            "192.0.0.0/24", // protocol assignments
            "192.0.2.0/24", // documentation
            "192.88.99.0/24", // relays of 6to4
            "192.168.0.0/16", // private
            "198.18.0.0/15", // benchmarks
            "198.51.100.0/24", // documentation
            "203.0.113.0/24", // documentation
            "224.0.0.0/4", // multicast
            "240.0.0.0/4", // reserved, with the broadcast address
        }.Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork Teredo = IPNetwork.Parse("2001::/32");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    private static readonly IPNetwork[] BlockedV6 =
    [
        .. new[]
        {
            "2001::/23", // protocol assignments, benchmarks and the like; Teredo is looked at before
            "2001:db8::/32", // documentation
            "3fff::/20", // documentation
        }.Select(IPNetwork.Parse),
    ];

    /// <summary>Whether an address must not be connected to.</summary>
    public static bool Contains(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        return address.AddressFamily switch
        {
            AddressFamily.InterNetwork => Array.Exists(BlockedV4, network => network.Contains(address)),
            AddressFamily.InterNetworkV6 => ContainsV6(address),
            _ => true,
        };
    }

    private static bool ContainsV6(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        if (Nat64.Contains(address))
        {
            return Contains(new IPAddress(bytes[12..]));
        }

        if (!GlobalUnicast.Contains(address))
        {
            return true;
        }

        if (SixToFour.Contains(address))
        {
            return Contains(new IPAddress(bytes.Slice(2, 4)));
        }

        if (!Teredo.Contains(address))
        {
            return Array.Exists(BlockedV6, network => network.Contains(address));
        }

        // The server, and the client's own address with every bit turned over.
        Span<byte> client = [(byte)~bytes[12], (byte)~bytes[13], (byte)~bytes[14], (byte)~bytes[15]];
        return Contains(new IPAddress(bytes.Slice(4, 4))) || Contains(new IPAddress(client));
    }
}
