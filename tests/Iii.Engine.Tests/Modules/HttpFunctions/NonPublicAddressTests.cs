using System.Net;
using CsCheck;
using Iii.Engine.Modules.HttpFunctions;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

public class NonPublicAddressTests
{
    private static readonly string[] BlockedNetworks =
    [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    ];

    private static readonly Gen<byte[]> BlockedV4 = Gen.Select(Gen.Int[0, BlockedNetworks.Length - 1], Gen.UInt, static (index, noise) =>
    {
        var network = IPNetwork.Parse(BlockedNetworks[index]);
        var bytes = network.BaseAddress.GetAddressBytes();
        var host = uint.MaxValue >> network.PrefixLength;
        var value = ((uint)bytes[0] << 24 | (uint)bytes[1] << 16 | (uint)bytes[2] << 8 | bytes[3]) | (noise & host);
        return new[] { (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value };
    });

    [Fact]
    public void No_blocked_address_is_accepted_in_any_embedding() =>
        Gen.Select(BlockedV4, Gen.Byte.Array[16]).Sample(static (v4, noise) =>
        {
            Assert.All(Embeddings(v4, noise), static address => Assert.True(NonPublicAddress.Contains(address), address.ToString()));
        });

    [Theory]
    [InlineData("::/128")]
    [InlineData("::1/128")]
    [InlineData("fc00::/7")]
    [InlineData("fe80::/10")]
    [InlineData("fec0::/10")]
    [InlineData("ff00::/8")]
    [InlineData("100::/64")]
    [InlineData("64:ff9b:1::/48")]
    [InlineData("2001:2::/48")]
    [InlineData("2001:10::/28")]
    [InlineData("2001:db8::/32")]
    [InlineData("3fff::/20")]
    [InlineData("5f00::/16")]
    [InlineData("4000::/2")]
    public void No_address_of_a_blocked_network_of_IPv6_is_accepted(string text)
    {
        var network = IPNetwork.Parse(text);
        Gen.Byte.Array[16].Sample(noise =>
        {
            var bytes = network.BaseAddress.GetAddressBytes();
            for (var bit = network.PrefixLength; bit < 128; bit++)
            {
                bytes[bit / 8] |= (byte)(noise[bit / 8] & (0x80 >> (bit % 8)));
            }

            Assert.True(NonPublicAddress.Contains(new IPAddress(bytes)), new IPAddress(bytes).ToString());
        });
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("9.255.255.255")]
    [InlineData("11.0.0.0")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.0")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.0")]
    [InlineData("198.20.0.0")]
    [InlineData("223.255.255.255")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00:1450:4001::200e")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("64:ff9b::1.1.1.1")]
    [InlineData("2002:101:101::1")]
    public void Public_addresses_are_accepted(string address) => Assert.False(NonPublicAddress.Contains(IPAddress.Parse(address)));

    private static IEnumerable<IPAddress> Embeddings(byte[] v4, byte[] noise)
    {
        byte[] inverted = [.. v4.Select(static part => (byte)~part)];
        yield return new IPAddress(v4);
        yield return new IPAddress(v4).MapToIPv6();
        yield return new IPAddress([.. new byte[12], .. v4]); // v4-compatible
        yield return new IPAddress([0x00, 0x64, 0xFF, 0x9B, .. new byte[8], .. v4]); // NAT64
        yield return new IPAddress([0x20, 0x02, .. v4, .. noise[..10]]); // 6to4
        yield return new IPAddress([0x20, 0x01, 0, 0, .. v4, .. noise[..8]]); // Teredo, its server
        yield return new IPAddress([0x20, 0x01, 0, 0, .. noise[..8], .. inverted]); // Teredo, its client
    }
}
