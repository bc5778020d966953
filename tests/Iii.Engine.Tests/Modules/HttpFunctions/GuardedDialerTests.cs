using System.Net;
using System.Net.Sockets;
using Iii.Engine.Modules.HttpFunctions;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

/// <summary>What is connected to is what was looked at.</summary>
public sealed class GuardedDialerTests
{
    private static readonly IPAddress Public = IPAddress.Parse("93.184.216.34");

    private readonly List<IPEndPoint> _dialled = [];
    private int _resolved;

    [Fact]
    public async Task Name_that_changes_its_mind_gains_nothing()
    {
        // Public when it is asked for first, private from then on: each connection asks once, and dials what it was told.
        var dialer = Dialer(() => [_resolved == 1 ? Public : IPAddress.Loopback]);
        await dialer.ConnectAsync(new DnsEndPoint("rebind.example.org", 443), CancellationToken.None);
        Assert.Equal(new IPEndPoint(Public, 443), Assert.Single(_dialled));
        Assert.Equal(1, _resolved);
        var refused = await Assert.ThrowsAsync<UrlRefusedException>(
            async () => await dialer.ConnectAsync(new DnsEndPoint("rebind.example.org", 443), CancellationToken.None));
        Assert.Equal("Private IP blocked", refused.Message);
        Assert.Single(_dialled);
    }

    [Fact]
    public async Task One_private_address_among_many_blocks_all()
    {
        var dialer = Dialer(() => [Public, IPAddress.Parse("fd00::1")]);
        await Assert.ThrowsAsync<UrlRefusedException>(
            async () => await dialer.ConnectAsync(new DnsEndPoint("mixed.example.org", 443), CancellationToken.None));
        Assert.Empty(_dialled);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("2130706433")]
    [InlineData("0x7f.1")]
    [InlineData("0177.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:169.254.169.254")]
    public async Task Literal_addresses_are_looked_at_too(string host)
    {
        var dialer = Dialer(() => [Public]);
        await Assert.ThrowsAsync<UrlRefusedException>(
            async () => await dialer.ConnectAsync(new DnsEndPoint(host, 443), CancellationToken.None));
        Assert.Equal((0, 0), (_resolved, _dialled.Count));
    }

    [Fact]
    public async Task Name_without_addresses_is_a_failed_lookup()
    {
        var dialer = Dialer(() => throw new SocketException((int)SocketError.HostNotFound));
        var refused = await Assert.ThrowsAsync<UrlRefusedException>(
            async () => await dialer.ConnectAsync(new DnsEndPoint("nobody.example.org", 443), CancellationToken.None));
        Assert.Equal("DNS lookup failed", refused.Message);
        await Assert.ThrowsAsync<UrlRefusedException>(
            async () => await Dialer(() => []).ConnectAsync(new DnsEndPoint("nobody.example.org", 443), CancellationToken.None));
    }

    [Theory]
    [InlineData("127.0.0.1", "url_validation_failed: Private IP blocked")]
    [InlineData(null, "url_validation_failed: DNS lookup failed")]
    public async Task Refusal_reaches_the_caller_with_its_text(string? address, string error)
    {
        using var harness = new FunctionHarness(
            new HttpFunctionsOptions(),
            Dialer(() => address is null ? throw new SocketException((int)SocketError.HostNotFound) : [IPAddress.Parse(address)]));
        harness.Register("https://rebind.example.org/");
        Assert.Equal(error, await harness.CallAsync());
        Assert.Empty(_dialled);
    }

    [Fact]
    public async Task Next_address_is_tried_when_one_does_not_answer()
    {
        await using var server = RawHttpServer.Answering("200 OK", "1");
        using var harness = new FunctionHarness(
            dialer: new GuardedDialer(false, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.2"), IPAddress.Loopback])));
        harness.Register($"http://two.example.org:{server.Port}/");
        Assert.Equal("1", await harness.CallAsync());
        Assert.Equal($"two.example.org:{server.Port}", (await server.NextAsync())["Host"]);
    }

    private GuardedDialer Dialer(Func<IPAddress[]> addresses) => new(
        blockPrivateIps: true,
        (_, _) =>
        {
            _resolved++;
            return Task.Run(addresses);
        },
        (target, _) =>
        {
            _dialled.Add(target);
            return ValueTask.FromResult(Stream.Null);
        });
}
