using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Iii.Broker.Memory;
using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Http;
using Iii.Engine.Tests.Support;
using Iii.TestServers;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Hosting;

/// <summary>The pages for balancers, and the start and the end that they show.</summary>
public sealed class HealthTests : IDisposable
{
    private readonly HttpClient _client = new();

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task The_worker_port_tells_all_and_the_http_port_the_status_alone()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.BarrierAsync();

        var (status, body) = await GetAsync(engine.WorkerPort, "/health/ready");
        var health = JsonElement.Parse(body);
        Assert.Equal((HttpStatusCode.OK, "ready"), (status, health.GetProperty("status").GetString()));
        Assert.Equal((1, 1), (health.GetProperty("workers").GetInt32(), health.GetProperty("functions").GetInt32()));
        Assert.Equal("""{"adapter":"memory","connected":true}""", health.GetProperty("broker").GetRawText());
        var cluster = health.GetProperty("cluster");
        var member = Assert.Single(cluster.GetProperty("members").EnumerateArray());
        Assert.Equal("iii", cluster.GetProperty("name").GetString());
        Assert.Equal(health.GetProperty("instance").GetString(), member.GetProperty("instance").GetString());
        Assert.Matches("^[0-9a-f]{32}$", cluster.GetProperty("digest").GetString());
        Assert.Matches("^[0-9a-f]{32}$", member.GetProperty("digest").GetString());
        Assert.Equal((HttpStatusCode.OK, """{"status":"live"}"""), await GetAsync(engine.WorkerPort, "/health/live"));
        Assert.Equal((HttpStatusCode.OK, """{"status":"ready"}"""), await GetAsync(engine.HttpPort, "/health/ready"));
        Assert.Equal((HttpStatusCode.OK, """{"status":"live"}"""), await GetAsync(engine.HttpPort, "/health/live"));
    }

    [Fact]
    public async Task A_worker_may_connect_under_any_path()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync("/health/ready");

        Assert.Empty(await worker.BarrierAsync());
    }

    [Theory]
    [InlineData("GET", HttpStatusCode.InternalServerError)] // nobody provides its function
    [InlineData("POST", HttpStatusCode.MethodNotAllowed)]
    public async Task A_route_with_the_path_stands_before_the_page(string method, HttpStatusCode expected)
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync(
            $$$"""{"type":"registertrigger","id":"T","trigger_type":"http","function_id":"f","config":{"api_path":"health/ready","http_method":"{{{method}}}"}}""");

        await Eventually.TrueAsync(async () => (await GetAsync(engine.HttpPort, "/health/ready")).Status == expected);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(engine.HttpPort, "/health/live")).Status);
    }

    [Fact]
    public async Task A_function_for_what_no_route_matches_stands_behind_the_page()
    {
        await using var engine = await TestEngine.StartAsync(http: new HttpOptions { NotFoundFunction = "nowhere" });

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(engine.HttpPort, "/health/ready")).Status);
        Assert.Equal(HttpStatusCode.InternalServerError, (await GetAsync(engine.HttpPort, "/health")).Status);
    }

    [Fact]
    public async Task While_an_engine_drains_it_is_not_ready_and_takes_nobody_in()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        await using var caller = await engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.BarrierAsync();
        var calling = caller.CallAsync("f");
        var call = await worker.NextCallAsync("f");

        var stopping = engine.StopAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await GetAsync(engine.WorkerPort, "/health/ready")).Status);
        Assert.Equal((HttpStatusCode.OK, """{"status":"live"}"""), await GetAsync(engine.WorkerPort, "/health/live"));
        await Assert.ThrowsAsync<WebSocketException>(() => engine.ConnectAsync());
        Assert.False(await FreePorts.AcceptsConnectionsAsync(engine.HttpPort));
        Assert.False(stopping.IsCompleted);

        await worker.AnswerAsync(call, "\"result\":1");
        Assert.Equal(1, (await calling).GetProperty("result").GetInt32());
        await worker.CloseAsync();
        await caller.CloseAsync();
        await stopping;
        Assert.False(await FreePorts.AcceptsConnectionsAsync(engine.WorkerPort));
    }

    [Fact]
    public async Task Before_it_drains_an_engine_lets_balancers_notice()
    {
        var time = new FakeTimeProvider();
        await using var host = EngineHost.Create(
            new EngineConfiguration
            {
                Gateway = new WorkerGatewayOptions { Host = "127.0.0.1", Port = 0, DrainDelayMs = 5000 },
                Http = new HttpOptions { Host = "127.0.0.1", Port = 0 },
            },
            time: time);
        await host.StartAsync(TestContext.Current.CancellationToken);
        var (http, workers) = (host.Listeners[0].Port, host.Listeners[1].Port);
        var stopping = host.StopAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await GetAsync(http, "/health/ready")).Status);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await GetAsync(workers, "/health/ready")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(http, "/none")).Status);
        await using (var worker = await TestWorker.ConnectAsync(workers))
        {
            Assert.Empty(await worker.BarrierAsync());
        }

        Assert.False(stopping.IsCompleted);
        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return stopping.IsCompleted;
        });
        await stopping;
        Assert.False(await FreePorts.AcceptsConnectionsAsync(http));
    }

    [Fact]
    public async Task An_open_connection_brings_one_more_request_while_the_engine_drains()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"http","function_id":"f","config":{"api_path":"f"}}""");
        await Eventually.TrueAsync(async () => (await GetAsync(engine.HttpPort, "/f", HttpMethod.Put)).Status == HttpStatusCode.MethodNotAllowed);
        using var other = new HttpClient();
        var first = other.GetAsync(new Uri($"http://127.0.0.1:{engine.HttpPort}/f"));
        var call = await worker.NextCallAsync("f");
        var stopping = engine.StopAsync();

        // Over the connection of the first wait, which is open still.
        using var late = await _client.GetAsync(new Uri($"http://127.0.0.1:{engine.HttpPort}/none"));
        Assert.Equal((HttpStatusCode.NotFound, true), (late.StatusCode, late.Headers.ConnectionClose));
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(engine.HttpPort, "/none"));

        await worker.AnswerAsync(call, "\"result\":1");
        using var response = await first;
        Assert.Equal((HttpStatusCode.OK, "1"), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        await worker.CloseAsync();
        await stopping;
    }

    [Fact]
    public async Task Nothing_is_bound_before_the_broker_is_reached_and_the_seams_are_closed_at_the_end()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var adapter = new FakeAdapter((_, _) => new ValueTask(gate.Task));
        var port = FreePorts.Take();
        var host = EngineHost.Create(
            new EngineConfiguration
            {
                Broker = new BrokerOptions { Adapter = "fake" },
                Gateway = new WorkerGatewayOptions { Host = "127.0.0.1", Port = port },
            },
            adapters: [adapter]);
        var starting = host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, adapter.Attempts);
        Assert.False(await FreePorts.AcceptsConnectionsAsync(port));

        gate.SetResult();
        await starting;
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(port, "/health/ready")).Status);
        Assert.Equal(1, adapter.Open);
        await host.StopAsync();
        Assert.Equal(1, adapter.Open);
        await host.DisposeAsync();
        Assert.Equal(0, adapter.Open);
    }

    [Fact]
    public async Task A_start_that_is_called_off_leaves_nothing_behind()
    {
        using var cancellation = new CancellationTokenSource();
        var adapter = FakeAdapter.Failing(int.MaxValue);
        await using var host = EngineHost.Create(new EngineConfiguration { Broker = new BrokerOptions { Adapter = "fake" } }, adapters: [adapter]);
        var starting = host.StartAsync(cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
    }

    [Fact]
    public async Task A_memory_that_is_given_stands_in_for_the_hosts_own()
    {
        var world = new MemoryWorld();
        await using var seams = await new MemoryAdapter(world).ConnectAsync(
            new BrokerOptions(),
            new BrokerEnvironment("iii", "test", Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, TimeProvider.System),
            TestContext.Current.CancellationToken);
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var subscription = await seams.Bus!.SubscribeAsync(
            "x",
            (_, _) =>
            {
                heard.TrySetResult();
                return ValueTask.CompletedTask;
            },
            TestContext.Current.CancellationToken);

        await new MemoryMessageBus(world).PublishAsync("x", default, TestContext.Current.CancellationToken);

        await heard.Task.WaitAsync(TestWorker.Patience);
    }

    private async Task<(HttpStatusCode Status, string Body)> GetAsync(int port, string path, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, new Uri($"http://127.0.0.1:{port}{path}"));
        using var response = await _client.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
