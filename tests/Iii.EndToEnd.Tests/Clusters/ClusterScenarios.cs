using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Iii.EndToEnd.Tests.Processes;
using Iii.EndToEnd.Tests.Workers;

namespace Iii.EndToEnd.Tests.Clusters;

/// <summary>Three real engines, real SDK workers behind a stock balancer, and what can go wrong: the same on every broker.</summary>
public abstract class ClusterScenarios(BrokerFixture fixture) : IAsyncLifetime
{
    private const int Engines = 3;
    private const int Workers = 6;
    private const string Price = "shop::price";
    private const string PricePath = "shop/price";

    /// <summary>Far above what it takes, even on a busy machine, and far below the time after which a call ends by itself.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly List<IAsyncDisposable> _workers = [];
    private Cluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await Cluster.StartAsync(fixture.Broker, Engines, drainDelayMs: 1500);
        await _cluster.WaitUntilEqualDigestsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers)
        {
            await worker.DisposeAsync();
        }

        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Calls_through_any_engine_are_answered_and_every_worker_is_used()
    {
        await StartReplicasAsync();
        var served = new Dictionary<string, int>();
        foreach (var engine in Enumerable.Range(0, Engines))
        {
            var caller = Keep(await NodeWorker.StartAsync(_cluster[engine], Sdks.Usual, "caller", $"caller-{engine}"));
            var counts = await caller.AskAsync("burst", new JsonObject { ["id"] = Price, ["count"] = 1000, ["concurrency"] = 32 });
            foreach (var count in counts.EnumerateObject())
            {
                served[count.Name] = served.GetValueOrDefault(count.Name) + count.Value.GetInt32();
            }
        }

        Assert.Equal(3000, served.Values.Sum());
        Assert.Equal(Workers, served.Count);
    }

    [Fact]
    public async Task Function_is_callable_everywhere_after_its_registration_and_nowhere_after_its_worker()
    {
        var callers = await CallersAsync();
        foreach (var isClean in new[] { true, false })
        {
            var worker = await RawWorker.ConnectAsync(_cluster[0], "late");
            await worker.SendAsync("""{"type":"registerfunction","id":"late"}""");
            foreach (var caller in callers)
            {
                await Eventually.TrueAsync("the function is there", async () => IsResult(await caller.CallAsync("late")));
            }

            await (isClean ? worker.CloseAsync() : Task.Run(worker.Abort));
            foreach (var caller in callers)
            {
                await Eventually.TrueAsync("the function is gone", async () => ErrorOf(await caller.CallAsync("late")) == "function_not_found");
            }

            await worker.DisposeAsync();
        }
    }

    [Fact]
    public async Task Killed_engine_costs_what_was_under_way_there_and_nothing_else()
    {
        await StartReplicasAsync();
        var callers = await CallersAsync();
        var silent = Keep(await SilentWorker.ConnectAsync(_cluster[1].WorkerUrl, "only_there"));
        await using var load = new RequestLoad([_cluster[0].Http, _cluster[2].Http], PricePath);
        await load.GoesOnAsync();
        await WaitForFunctionAsync(callers[0], "only_there");
        await WaitForFunctionAsync(callers[2], "only_there");
        var underWay = Enumerable.Range(0, 20).Select(call => callers[call % 2 == 0 ? 0 : 2].CallAsync("only_there")).ToArray();
        await silent.WaitForCallsAsync(20);

        await _cluster.KillAsync(1);

        var ended = await Eventually.EndsAsync("the calls there end", Task.WhenAll(underWay), Soon);
        Assert.All(ended, static answer => Assert.Equal("invocation_stopped", ErrorOf(answer)));
        await load.GoesOnAsync();
        await _cluster.WaitUntilEqualDigestsAsync(Soon);
        await WaitForProvidersAsync(callers[0], Workers);
        await load.GoesOnAsync();
        await load.StopAsync();
        Assert.DoesNotContain(load.Failures, static outcome => !outcome.Problem!.StartsWith("500", StringComparison.Ordinal));

        // A request of a survivor may have been under way at a worker of the killed engine, if those of its own were busy.
        Assert.InRange(load.Failures.Count, 0, 10);
    }

    [Fact]
    public async Task Engine_that_is_cut_off_and_comes_back_is_left_alone_meanwhile_and_then_as_before()
    {
        var callers = await CallersAsync();
        var there = Keep(await RawWorker.ConnectAsync(_cluster[1], "there"));
        await there.SendAsync("""{"type":"registerfunction","id":"there"}""");
        foreach (var caller in callers)
        {
            await Eventually.TrueAsync("the function is there", async () => IsResult(await caller.CallAsync("there")));
        }

        var silent = Keep(await SilentWorker.ConnectAsync(_cluster[1].WorkerUrl, "only_there"));
        await WaitForFunctionAsync(callers[0], "only_there");
        var underWay = callers[0].CallAsync("only_there");
        await silent.WaitForCallsAsync(1);

        _cluster.Link(1).Freeze();
        Assert.Equal("invocation_stopped", ErrorOf(await Eventually.EndsAsync("the call there ends", underWay, Soon)));
        await Eventually.TrueAsync("it is gone", async () => ErrorOf(await callers[0].CallAsync("there")) == "function_not_found");
        Assert.True(IsResult(await callers[1].CallAsync("there")), "what is local works on");
        await Eventually.TrueAsync("the engine notices", async () => (await _cluster.HealthAsync(1)).Status == "degraded");
        await Task.Delay(Partition, TestContext.Current.CancellationToken);
        Assert.True(IsResult(await callers[1].CallAsync("there")), "what is local works on");

        _cluster.Link(1).Restore();
        await _cluster.WaitUntilEqualDigestsAsync();
        foreach (var caller in callers)
        {
            await Eventually.TrueAsync("the function is back", async () => IsResult(await caller.CallAsync("there")));
        }
    }

    [Fact]
    public async Task Rolling_restart_under_load_fails_nothing()
    {
        await StartReplicasAsync();
        await using var load = new RequestLoad([_cluster.Balancer.Http], PricePath);
        await load.GoesOnAsync();
        for (var engine = 0; engine < Engines; engine++)
        {
            Assert.Equal(0, await _cluster.TerminateAsync(engine));
            await load.GoesOnAsync();
            await _cluster.RestartAsync(engine);
            await _cluster.WaitUntilBalancerSeesAsync(engine, isUp: true);
            await load.GoesOnAsync();
        }

        await load.StopAsync();
        Assert.Empty(load.Failures);
    }

    [Fact]
    public async Task Broker_that_stops_for_a_while_costs_no_local_call_and_everything_is_as_before_when_it_returns()
    {
        var callers = await CallersAsync();
        var workers = new List<RawWorker>();
        for (var engine = 0; engine < Engines; engine++)
        {
            var worker = Keep(await RawWorker.ConnectAsync(_cluster[engine], $"at-{engine}"));
            workers.Add(worker);
            await worker.SendAsync($$"""{"type":"registerfunction","id":"at_{{engine}}"}""");
        }

        async Task<bool> AllReachAllAsync()
        {
            foreach (var caller in callers)
            {
                for (var engine = 0; engine < Engines; engine++)
                {
                    if (!IsResult(await caller.CallAsync($"at_{engine}")))
                    {
                        return false;
                    }
                }
            }

            return true;
        }

        await Eventually.TrueAsync("all reach all", AllReachAllAsync);

        await fixture.StopBrokerAsync();
        await Eventually.TrueAsync("remote calls fail fast", async () => ErrorOf(await callers[0].CallAsync("at_1")) == "broker_unavailable");
        for (var call = 0; call < 200; call++)
        {
            Assert.True(IsResult(await callers[call % Engines].CallAsync($"at_{call % Engines}")), "local calls never fail");
        }

        Assert.Equal("degraded", (await _cluster.HealthAsync(0)).Status);

        await fixture.StartBrokerAsync();
        await _cluster.WaitUntilEqualDigestsAsync();
        await Eventually.TrueAsync("all reach all again", AllReachAllAsync);
    }

    [Fact]
    public async Task Streams_of_100_megabytes_cross_the_engines_unchanged_and_without_being_kept()
    {
        const int Megabyte = 1024 * 1024;
        var streaming = Keep(await NodeWorker.StartAsync(_cluster.Balancer.WorkerUrl, Sdks.Usual, "streaming", "streaming"));
        var bytes = new byte[100 * Megabyte];
        new Random(1).NextBytes(bytes);
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        foreach (var engine in Enumerable.Range(0, Engines))
        {
            var client = _cluster[engine].Http;
            await Eventually.TrueAsync("the route is there", async () =>
            {
                using var small = await client.PostAsync($"streaming/upload/{Sdks.Usual}", new ByteArrayContent([1]), TestContext.Current.CancellationToken);
                return small.IsSuccessStatusCode;
            });
            var before = Memory();
            using var up = await client.PostAsync($"streaming/upload/{Sdks.Usual}", new ByteArrayContent(bytes), TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.OK, digest), (up.StatusCode, await up.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
            using var down = await client.GetAsync(
                $"streaming/download/{Sdks.Usual}?bytes={bytes.Length}", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            Assert.Equal(bytes.Length, await CountAsync(await down.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken), (byte)'x'));
            Assert.All(Memory().Zip(before), static pair => Assert.InRange(pair.First - pair.Second, long.MinValue, 64L * Megabyte));
        }

        Assert.False(streaming.HasExited);
    }

    private static TimeSpan Partition =>
        TimeSpan.FromSeconds(int.TryParse(Environment.GetEnvironmentVariable("III_PARTITION_SECONDS"), out var seconds) ? seconds : 5);

    private static bool IsResult(JsonElement answer) => answer.TryGetProperty("result", out _);

    private static string? ErrorOf(JsonElement answer) =>
        answer.TryGetProperty("error", out var error) ? error.GetProperty("code").GetString() : null;

    private static async Task<long> CountAsync(Stream stream, byte expected)
    {
        var buffer = new byte[64 * 1024];
        var total = 0L;
        while (await stream.ReadAsync(buffer, TestContext.Current.CancellationToken) is > 0 and var read)
        {
            Assert.Equal(-1, buffer.AsSpan(0, read).IndexOfAnyExcept(expected));
            total += read;
        }

        return total;
    }

    private T Keep<T>(T worker)
        where T : IAsyncDisposable
    {
        _workers.Insert(0, worker);
        return worker;
    }

    private async Task<RawWorker[]> CallersAsync()
    {
        var callers = new RawWorker[Engines];
        for (var engine = 0; engine < Engines; engine++)
        {
            callers[engine] = Keep(await RawWorker.ConnectAsync(_cluster[engine], $"caller-{engine}"));
        }

        return callers;
    }

    /// <summary>Six workers of three generations of SDKs, where the balancer puts them; returns when every engine knows all of them.</summary>
    private async Task StartReplicasAsync()
    {
        string[] sdks = ["0.2.1", Sdks.Usual, "0.22.1"];
        var replicas = await Task.WhenAll(Enumerable.Range(0, Workers).Select(replica =>
            NodeWorker.StartAsync(_cluster.Balancer.WorkerUrl, sdks[replica % sdks.Length], "replica", $"replica-{replica}")));
        foreach (var replica in replicas)
        {
            Keep(replica);
        }

        foreach (var engine in Enumerable.Range(0, Engines))
        {
            await using var observer = await RawWorker.ConnectAsync(_cluster[engine], "observer");
            await WaitForProvidersAsync(observer, Workers);
            await Eventually.TrueAsync("the route is there", async () =>
            {
                using var response = await _cluster[engine].Http.GetAsync(PricePath, TestContext.Current.CancellationToken);
                return response.IsSuccessStatusCode;
            });
        }
    }

    private static Task WaitForFunctionAsync(RawWorker observer, string functionId) => Eventually.TrueAsync(
        $"{functionId} is there",
        async () => IsResult(await observer.CallAsync("engine::functions::info", $$"""{"function_id":"{{functionId}}"}""")));

    private static Task<int> WaitForProvidersAsync(RawWorker observer, int count) => Eventually.ValueAsync(
        $"{count} workers provide {Price}",
        async () => (await observer.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions").EnumerateArray()
            .Where(static row => row.GetProperty("function_id").GetString() == Price)
            .Select(static row => row.GetProperty("provider_count").GetInt32()).FirstOrDefault(),
        providers => providers == count);

    /// <summary>Resident memory of each engine, in bytes.</summary>
    private long[] Memory() =>
    [
        .. Enumerable.Range(0, Engines).Select(engine => File.ReadLines($"/proc/{_cluster[engine].Id}/status")
            .Where(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
            .Select(static line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024)
            .Single()),
    ];
}
