using System.Net;
using System.Net.WebSockets;
using Iii.EndToEnd.Tests.Processes;
using Iii.EndToEnd.Tests.Workers;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests;

/// <summary>SIGTERM: no new work, the work under way finishes, workers are told to come back, exit code 0.</summary>
public class ShutdownTests
{
    private const int ServiceRestart = 1012;

    [Fact]
    public async Task Idle_engine_ends_with_0_and_tells_its_workers_to_come_back()
    {
        await using var engine = await EngineProcess.StartAsync();
        await using var worker = await RawWorker.ConnectAsync(engine, "worker");
        await worker.WorkerIdAsync();

        engine.Terminate();

        Assert.Equal(ServiceRestart, await worker.WaitForCloseAsync());
        Assert.Equal(0, await engine.WaitForExitAsync());
    }

    [Fact]
    public async Task Call_of_a_worker_that_is_under_way_finishes()
    {
        await using var engine = await EngineProcess.StartAsync();
        await using var replica = await NodeWorker.StartAsync(engine, Sdks.Usual, "replica", "replica");
        await using var caller = await NodeWorker.StartAsync(engine, Sdks.Usual, "caller", "caller");
        var call = caller.CallAsync("shop::slow", new { });
        await UnderWayAsync(call, replica);

        engine.Terminate();
        await NoNewWorkersAsync(engine);
        await replica.AskAsync("release");

        Assert.Equal("""{"served_by":"replica"}""", (await call).GetRawText());
        Assert.Equal(0, await engine.WaitForExitAsync());
    }

    [Fact]
    public async Task Request_that_is_under_way_finishes()
    {
        await using var engine = await EngineProcess.StartAsync();
        await using var replica = await NodeWorker.StartAsync(engine, Sdks.Usual, "replica", "replica");
        var request = engine.Http.GetAsync("shop/slow", TestContext.Current.CancellationToken);
        await UnderWayAsync(request, replica);

        engine.Terminate();
        await NoNewConnectionsAsync(engine.HttpPort);
        await replica.AskAsync("release");

        using var response = await request;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"served_by":"replica"}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, await engine.WaitForExitAsync());
    }

    private static async Task UnderWayAsync(Task call, NodeWorker replica)
    {
        await Eventually.TrueAsync(
            "the call is under way", async () => call.IsCompleted || (await replica.AskAsync("in_flight")).GetInt32() == 1);
        Assert.False(call.IsCompleted, "The call has ended although its function is still at work.");
    }

    private static async Task NoNewWorkersAsync(EngineProcess engine)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{engine.WorkerPort}") };
        await Eventually.TrueAsync(
            "the engine is not ready for work",
            async () =>
            {
                using var health = await client.GetAsync("/health/ready");
                return health.StatusCode == HttpStatusCode.ServiceUnavailable;
            },
            within: TimeSpan.FromSeconds(5));
        var e = await Assert.ThrowsAsync<WebSocketException>(() => RawWorker.ConnectAsync(engine, "late"));
        Assert.Contains("503", e.Message, StringComparison.Ordinal);
    }

    private static Task NoNewConnectionsAsync(int port) =>
        Eventually.TrueAsync(
            "the engine takes no new connections", async () => !await FreePorts.AcceptsConnectionsAsync(port), within: TimeSpan.FromSeconds(5));
}
