using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Iii.Adapters.Redis.Tests;

public sealed class RedisConnectionTests(RedisFixture redis)
{
    private const string Password = "opensesame";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_right_password_connects_and_a_wrong_or_missing_one_does_not_and_is_not_repeated()
    {
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { Password = Password });

        await using (var connection = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = server.Url }, Cancel))
        {
            Assert.True(connection.IsConnected);
        }

        foreach (var url in (string[])[$"redis://:wrong{Password}@127.0.0.1:{server.Port}", $"redis://127.0.0.1:{server.Port}"])
        {
            var refused = await RefusedAsync(new RedisBrokerOptions { Url = url });
            Assert.Contains("password", refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(Password, refused.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Nobody_there_is_said_with_the_address()
    {
        var port = FreePorts.Take();
        var refused = await RefusedAsync(new RedisBrokerOptions { Url = $"redis://:{Password}@127.0.0.1:{port}" });
        Assert.Contains($"127.0.0.1:{port}", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Somebody_who_does_not_answer_is_given_up_after_the_connect_timeout()
    {
        await using var proxy = TcpProxy.Start(redis.Server.Port);
        proxy.Freeze();
        var options = new RedisBrokerOptions { Url = redis.Server.UrlAt(proxy.Port), ConnectTimeout = TimeSpan.FromMilliseconds(200) };
        await RefusedAsync(options);

        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => RedisConnection.ConnectAsync(options with { ConnectTimeout = TimeSpan.FromMinutes(1) }, cancellation.Token));
    }

    [Fact]
    public async Task A_database_that_is_not_there_is_named()
    {
        var refused = await Assert.ThrowsAsync<ArgumentException>(
            () => RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = redis.Server.Url, Database = 16 }, Cancel));
        Assert.Contains("no database 16: its setting `databases` is 16. Write one from 0 to 15", refused.Message, StringComparison.Ordinal);

        await using var last = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = redis.Server.Url, Database = 15 }, Cancel);
        Assert.True(last.IsConnected);
    }

    [Theory]
    [InlineData("{a}:", "b")]
    [InlineData("a:", "{b}")]
    public async Task Braces_in_prefix_and_cluster_name_are_refused(string prefix, string cluster) =>
        await Assert.ThrowsAsync<ArgumentException>(() => RedisConnection.ConnectAsync(
            new RedisBrokerOptions { Url = redis.Server.Url, Prefix = prefix, Cluster = cluster }, Cancel));

    [Fact]
    public async Task The_loss_of_the_connection_and_its_return_are_told()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (connection, proxy) = await instances.OpenAsync();
        var states = new Recorder<bool>();
        connection.ConnectionChanged += () => states.Add(connection.IsConnected);

        proxy.Cut();
        await states.WaitForAsync(1);
        proxy.Restore();

        Assert.Equal([false, true], await states.WaitForAsync(2));
    }

    [Fact]
    public async Task Silence_is_noticed_though_nobody_sends_anything()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (connection, proxy) = await instances.OpenAsync(options => options with
        {
            CommandTimeout = TimeSpan.FromMilliseconds(500),
            CheckInterval = TimeSpan.FromMilliseconds(100),
        });

        proxy.Freeze();
        await Eventually.HoldsAsync("the silence is noticed", () => !connection.IsConnected);
        proxy.Restore();
        await Eventually.HoldsAsync("the end of the silence is noticed", () => connection.IsConnected);
    }

    [Fact]
    public async Task A_connection_may_be_encrypted()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        var folder = Directory.CreateTempSubdirectory("iii-tls-");
        try
        {
            var (certFile, keyFile) = (Path.Combine(folder.FullName, "cert.pem"), Path.Combine(folder.FullName, "key.pem"));
            await File.WriteAllTextAsync(certFile, certificate.ExportCertificatePem(), Cancel);
            await File.WriteAllTextAsync(keyFile, key.ExportRSAPrivateKeyPem(), Cancel);
            var port = FreePorts.Take();
            await using var server = await RedisServer.StartAsync(new RedisServerOptions
            {
                Arguments = ["--tls-port", $"{port}", "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no"],
            });
            var options = new RedisBrokerOptions { Url = $"rediss://127.0.0.1:{port}" };
            await RefusedAsync(options);

            // How the client is told of an authority that the system does not know.
            Environment.SetEnvironmentVariable("SERedis_IssuerCertPath", certFile);
            await using var connection = await RedisConnection.ConnectAsync(options, Cancel);
            Assert.True(connection.IsConnected);
        }
        finally
        {
            Environment.SetEnvironmentVariable("SERedis_IssuerCertPath", null);
            folder.Delete(recursive: true);
        }
    }

    private static async Task<BrokerException> RefusedAsync(RedisBrokerOptions options)
    {
        var refused = await Assert.ThrowsAsync<BrokerException>(() => RedisConnection.ConnectAsync(options, Cancel));
        Assert.Equal(BrokerErrorCodes.BrokerUnavailable, refused.Code);
        return refused;
    }
}
