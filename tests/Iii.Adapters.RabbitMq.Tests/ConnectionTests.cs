using System.Net;
using System.Net.Sockets;
using Iii.Adapters.RabbitMq.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;
using Iii.TestServers;

namespace Iii.Adapters.RabbitMq.Tests;

public sealed class ConnectionTests(SharedServer shared)
{
    private int Port => shared.Server.Port;

    [Fact]
    public async Task A_wrong_password_is_refused_and_not_repeated_to_anybody()
    {
        var refused = await RefusesAsync($"amqp://guest:very-secret@127.0.0.1:{Port}/");
        Assert.EndsWith(": it refused user and password.", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"amqp://guest:***@127.0.0.1:{Port}/", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_virtual_host_that_is_not_there_is_named()
    {
        var refused = await RefusesAsync($"amqp://guest:guest@127.0.0.1:{Port}/no-such-host");
        Assert.Contains("no-such-host", refused.Message, StringComparison.Ordinal);
        Assert.Contains("virtual host", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broker_that_nobody_runs_is_unavailable()
    {
        var port = FreePorts.Take();
        var refused = await RefusesAsync($"amqp://guest:very-secret@127.0.0.1:{port}/");
        Assert.Contains($"127.0.0.1:{port}", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_does_not_speak_tls_is_refused_when_tls_is_asked_for() =>
        await RefusesAsync($"amqps://guest:guest@127.0.0.1:{Port}/");

    [Fact]
    public async Task Connecting_to_somebody_who_does_not_answer_ends_when_nobody_waits_for_it_any_more()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var cancellation = new CancellationTokenSource();
        var options = new RabbitMqBrokerOptions { Url = $"amqp://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}", OperationTimeout = TimeSpan.FromMinutes(1) };
        var connecting = RabbitMqConnection.ConnectAsync(options, cancellationToken: cancellation.Token);
        using var accepted = await silent.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await cancellation.CancelAsync();

        // The library itself gives up 5 seconds after that.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => connecting.WaitAsync(TimeSpan.FromSeconds(4), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Of_several_hosts_one_that_answers_is_enough()
    {
        await using var connection = await ConnectAsync($"amqp://guest:guest@127.0.0.1:{FreePorts.Take()},127.0.0.1:{Port}/%2F");
        Assert.True(connection.IsConnected);
    }

    [Theory]
    [InlineData("http://host/")]
    [InlineData("amqp://user:very-secret@host:port/")]
    [InlineData("amqp://user:very-secret@/")]
    [InlineData("amqp://user:very-secret@host/a/b")]
    [InlineData("amqp://user:very-secret@host/a?heartbeat=5")]
    public async Task A_url_that_cannot_be_read_is_explained_without_its_password(string url)
    {
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => ConnectAsync(url));
        Assert.Contains("amqp://user:password@host:5672/vhost", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", refused.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a\n")]
    [InlineData("123456789012345678901234567890123")]
    public async Task A_cluster_needs_a_plain_name(string cluster)
    {
        var options = new RabbitMqBrokerOptions { Url = shared.Server.Url, Cluster = cluster };
        await Assert.ThrowsAsync<ArgumentException>(() => RabbitMqConnection.ConnectAsync(options));
    }

    [Fact]
    public async Task A_lost_connection_is_told_and_comes_back()
    {
        await using var world = new World(shared.Server);
        var (proxy, connection) = await world.OpenAsync();
        var changes = new Recorder<bool>();
        connection.ConnectionChanged += () => changes.Add(connection.IsConnected);

        proxy.Cut();
        Assert.Equal([false], await changes.WaitForAsync(1));
        proxy.Restore();
        Assert.Equal([false, true], await changes.WaitForAsync(2));
    }

    [Fact]
    public async Task A_listener_that_throws_keeps_neither_the_others_from_hearing_nor_the_connection_from_coming_back()
    {
        await using var world = new World(shared.Server);
        var (proxy, connection) = await world.OpenAsync();
        var changes = new Recorder<bool>();
        connection.ConnectionChanged += static () => throw new InvalidOperationException("on purpose");
        connection.ConnectionChanged += () => changes.Add(connection.IsConnected);

        proxy.Cut();
        await changes.WaitForAsync(1);
        proxy.Restore();
        Assert.Equal([false, true], await changes.WaitForAsync(2));
    }

    private static Task<RabbitMqConnection> ConnectAsync(string url) => RabbitMqConnection.ConnectAsync(new RabbitMqBrokerOptions { Url = url });

    private static async Task<BrokerException> RefusesAsync(string url)
    {
        var refused = await Assert.ThrowsAsync<BrokerException>(() => ConnectAsync(url));
        Assert.Equal(BrokerErrorCodes.BrokerUnavailable, refused.Code);
        return refused;
    }
}
