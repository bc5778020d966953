using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests;

/// <summary>Three replicas of one worker: one route, a shared load, and no more lost than was under way on the one that dies.</summary>
public sealed class ReplicaTests : IAsyncLifetime
{
    private const int Calls = 3000;
    private const int Concurrency = 32;

    private readonly Dictionary<string, NodeWorker> _replicas = [];
    private EngineProcess _engine = null!;
    private NodeWorker _caller = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await EngineProcess.StartAsync();
        foreach (var name in new[] { "replica-1", "replica-2", "replica-3" })
        {
            _replicas[name] = await NodeWorker.StartAsync(_engine, Sdks.Usual, "replica", name);
        }

        _caller = await NodeWorker.StartAsync(_engine, Sdks.Usual, "caller", "caller");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _replicas.Values.Append<ChildProcess?>(_caller).Append(_engine).OfType<ChildProcess>())
        {
            await process.DisposeAsync();
        }
    }

    [Fact]
    public async Task Replicas_share_one_function_and_one_trigger()
    {
        var functions = await _caller.CallAsync("engine::functions::list", new { });
        var triggers = await _caller.CallAsync("engine::triggers::list", new { });

        Assert.Single(
            functions.GetProperty("functions").EnumerateArray(),
            static function => function.GetProperty("function_id").GetString() == "shop::price");
        Assert.Single(
            triggers.GetProperty("triggers").EnumerateArray(),
            static trigger => trigger.GetProperty("function_id").GetString() == "shop::price");
    }

    [Fact]
    public async Task Calls_of_a_worker_are_spread_over_the_replicas()
    {
        var served = await _caller.AskAsync(
            "burst", new JsonObject { ["id"] = "shop::price", ["count"] = Calls, ["concurrency"] = Concurrency });

        AssertShared(served.EnumerateObject().ToDictionary(static entry => entry.Name, static entry => entry.Value.GetInt32()));
    }

    [Fact]
    public async Task Requests_are_spread_over_the_replicas()
    {
        await RouteIsLiveAsync();
        var served = new ConcurrentDictionary<string, int>();

        await Parallel.ForAsync(
            0,
            Calls,
            new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = TestContext.Current.CancellationToken },
            async (_, _) => served.AddOrUpdate(await ServedByAsync("shop/price"), 1, static (_, count) => count + 1));

        AssertShared(served);
    }

    [Fact]
    public async Task Worker_calls_in_flight_on_a_killed_replica_fail_at_once_and_the_rest_succeed()
    {
        const int InFlight = 30;
        var watch = Stopwatch.StartNew();
        var slow = Enumerable.Range(0, InFlight).Select(_ => SlowCallAsync(watch)).ToArray();
        var onVictim = await InFlightOnAsync("replica-1", InFlight);

        var killedAt = watch.Elapsed;
        _replicas["replica-1"].Kill();

        await AssertLostAtOnceAsync(slow, onVictim, killedAt, "invocation_stopped");
        await ReleaseAsync();
        var outcomes = await Eventually.EndsAsync("the other calls succeed", Task.WhenAll(slow));
        Assert.Equal(InFlight - onVictim, outcomes.Count(static outcome => outcome.Error is null));
        await _caller.CallAsync("shop::price", new { });
    }

    [Fact]
    public async Task Replica_killed_under_load_costs_only_the_requests_in_flight_on_it()
    {
        const int InFlight = 30;
        const int Lanes = 16;
        await RouteIsLiveAsync();
        var watch = Stopwatch.StartNew();

        // Requests that are known to be under way when the replica dies ...
        var slow = Enumerable.Range(0, InFlight).Select(_ => SlowRequestAsync(watch)).ToArray();
        var onVictim = await InFlightOnAsync("replica-1", InFlight);

        // ... and a load that goes on before, while and after it does.
        using var enough = new CancellationTokenSource();
        var quick = new ConcurrentQueue<QuickRequest>();
        var load = Enumerable.Range(0, Lanes).Select(_ => QuickRequestsAsync(watch, quick, enough.Token)).ToArray();
        await Eventually.TrueAsync("the load runs", () => quick.Count > 500);

        var killedAt = watch.Elapsed;
        _replicas["replica-1"].Kill();

        await AssertLostAtOnceAsync(slow, onVictim, killedAt, nameof(HttpStatusCode.InternalServerError));
        await Eventually.TrueAsync(
            "the load goes on with the other replicas",
            () => quick.Count(request => request.StartedAt > killedAt && request.Status == HttpStatusCode.OK) > 1000);
        await enough.CancelAsync();
        await Eventually.EndsAsync("the load ends", Task.WhenAll(load));

        await ReleaseAsync();
        var outcomes = await Eventually.EndsAsync("the other requests succeed", Task.WhenAll(slow));
        Assert.Equal(InFlight - onVictim, outcomes.Count(static outcome => outcome.Error is null));

        var failed = quick.Where(static request => request.Status != HttpStatusCode.OK).ToArray();
        Assert.InRange(failed.Length, 0, Lanes);
        Assert.All(failed, request =>
        {
            Assert.Equal(HttpStatusCode.InternalServerError, request.Status);
            Assert.InRange(request.StartedAt, TimeSpan.Zero, killedAt + TimeSpan.FromSeconds(1));
            Assert.InRange(request.EndedAt, killedAt, killedAt + TimeSpan.FromSeconds(1));
        });
        var triggers = await _caller.CallAsync("engine::triggers::list", new { });
        Assert.Single(
            triggers.GetProperty("triggers").EnumerateArray(),
            static trigger => trigger.GetProperty("function_id").GetString() == "shop::price");
    }

    private static void AssertShared(IReadOnlyDictionary<string, int> served)
    {
        Assert.Equal(Calls, served.Values.Sum());
        Assert.Equal(3, served.Count);
        Assert.All(served, static replica => Assert.InRange(replica.Value, Calls / 5, Calls));
    }

    /// <summary>Asserts that as many calls as were on the lost replica, and no others, have failed soon after it was killed.</summary>
    private static async Task AssertLostAtOnceAsync(Task<SlowOutcome>[] slow, int onVictim, TimeSpan killedAt, string error)
    {
        await Eventually.TrueAsync(
            $"the {onVictim} calls of the killed replica fail", () => slow.Count(static call => call.IsCompleted) == onVictim);
        foreach (var call in slow.Where(static call => call.IsCompleted))
        {
            var outcome = await call;
            Assert.Equal(error, outcome.Error);
            Assert.InRange(outcome.EndedAt - killedAt, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        }
    }

    private Task RouteIsLiveAsync() =>
        Eventually.TrueAsync("the route answers", async () => (await ServedByAsync("shop/price")).Length > 0);

    private async Task<string> ServedByAsync(string path)
    {
        using var response = await _engine.Http.GetAsync(path, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"GET {path} answered {(int)response.StatusCode} {body}");
        return JsonElement.Parse(body).GetProperty("served_by").GetString()!;
    }

    private async Task<SlowOutcome> SlowCallAsync(Stopwatch watch)
    {
        try
        {
            await _caller.CallAsync("shop::slow", new { });
            return new SlowOutcome(null, watch.Elapsed);
        }
        catch (WorkerErrorException e)
        {
            return new SlowOutcome(e.Code, watch.Elapsed);
        }
    }

    private async Task<SlowOutcome> SlowRequestAsync(Stopwatch watch)
    {
        using var response = await _engine.Http.GetAsync("shop/slow", TestContext.Current.CancellationToken);
        return new SlowOutcome(response.IsSuccessStatusCode ? null : response.StatusCode.ToString(), watch.Elapsed);
    }

    private async Task QuickRequestsAsync(Stopwatch watch, ConcurrentQueue<QuickRequest> done, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            var startedAt = watch.Elapsed;
            using var response = await _engine.Http.GetAsync("shop/price", TestContext.Current.CancellationToken);
            done.Enqueue(new QuickRequest(startedAt, watch.Elapsed, response.StatusCode));
        }
    }

    /// <summary>Waits until all slow calls have reached a replica.</summary>
    /// <returns>How many of them one replica works on.</returns>
    private async Task<int> InFlightOnAsync(string victim, int all)
    {
        await Eventually.TrueAsync("all slow calls are under way", async () =>
        {
            var inFlight = await Task.WhenAll(_replicas.Values.Select(InFlightAsync));
            return inFlight.Sum() == all;
        });
        var onVictim = await InFlightAsync(_replicas[victim]);
        Assert.InRange(onVictim, 1, all - 1);
        return onVictim;

        static async Task<int> InFlightAsync(NodeWorker replica) => (await replica.AskAsync("in_flight")).GetInt32();
    }

    private async Task ReleaseAsync()
    {
        foreach (var replica in _replicas.Values.Where(static replica => !replica.HasExited))
        {
            await replica.AskAsync("release");
        }
    }

    private sealed record SlowOutcome(string? Error, TimeSpan EndedAt);

    private sealed record QuickRequest(TimeSpan StartedAt, TimeSpan EndedAt, HttpStatusCode Status);
}
