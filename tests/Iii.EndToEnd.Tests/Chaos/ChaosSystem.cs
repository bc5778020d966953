using System.Diagnostics;
using System.Globalization;
using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Engines with queues, a recording worker at each, and their broker, all of which can be killed and come back.</summary>
internal sealed class ChaosSystem : IAsyncDisposable
{
    public const string Embedded = "embedded";

    /// <summary>
    /// RabbitMQ 3.10 forgets the quorum queue that was declared last, with its messages, when it is killed within seconds. So queues are
    /// older when it is.
    /// </summary>
    public static readonly TimeSpan QueueAge = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long after the broker's return an engine may not have connected again, which it tries every 5 s at the latest. Until then it may
    /// work on what was delivered to it before, and what the broker delivers again.
    /// </summary>
    private static readonly TimeSpan NoticeTime = TimeSpan.FromSeconds(7);

    private readonly TemporaryFolder _folder = new();
    private readonly Recordings _recordings;
    private readonly IAsyncDisposable? _broker;
    private readonly string _configuration;
    private readonly (int Worker, int Http)[] _ports;
    private readonly EngineProcess[] _engines;
    private readonly NodeWorker[] _workers;

    private ChaosSystem(string adapter, string url, IAsyncDisposable? broker, Recordings recordings, int engines, int workers)
    {
        (_broker, _recordings) = (broker, recordings);
        _ports = [.. Enumerable.Range(0, engines).Select(static _ => (FreePorts.Take(), FreePorts.Take()))];
        (_engines, _workers) = (new EngineProcess[engines], new NodeWorker[workers]);
        _configuration = broker is null
            ? $$"""
                - class: modules::queue::QueueModule
                  config: { adapter: { class: modules::queue::BuiltinQueueAdapter, config: { file_path: '{{_folder.FullPath}}' } } }

              """
            : $$"""
                - class: modules::queue::QueueModule
              broker: { adapter: {{adapter}}, url: "{{url}}" }

              """;
    }

    /// <summary>The worker addresses of the engines, which stay.</summary>
    public IReadOnlyList<string> Urls => [.. _ports.Select(static ports => $"ws://127.0.0.1:{ports.Worker.ToString(CultureInfo.InvariantCulture)}")];

    /// <summary>Starts everything.</summary>
    /// <param name="adapter"><see cref="Embedded"/>, or the adapter of a broker.</param>
    /// <param name="recordings">Where the workers write.</param>
    /// <param name="engines">How many, unless <see cref="Embedded"/>, which has one.</param>
    /// <param name="workersPerEngine">How many are connected to each.</param>
    public static async Task<ChaosSystem> StartAsync(string adapter, Recordings recordings, int engines = 2, int workersPerEngine = 1)
    {
        (string Url, IAsyncDisposable? Server) broker = adapter switch
        {
            Embedded => ("", null),
            ClusterBroker.Redis when await RedisServer.StartAsync(new RedisServerOptions { AppendFsync = "always" }) is var redis => (redis.Url, redis),
            ClusterBroker.RabbitMq when await RabbitMqServer.StartNewAsync() is var rabbit => (rabbit.Url, rabbit),
            _ => throw new ArgumentException($"There is no adapter '{adapter}'.", nameof(adapter)),
        };
        var system = new ChaosSystem(
            adapter, broker.Url, broker.Server, recordings, adapter == Embedded ? 1 : engines, (adapter == Embedded ? 1 : engines) * workersPerEngine);
        try
        {
            for (var engine = 0; engine < system._engines.Length; engine++)
            {
                await system.StartEngineAsync(engine);
            }

            for (var worker = 0; worker < system._workers.Length; worker++)
            {
                await system.StartWorkerAsync(worker);
            }

            return system;
        }
        catch
        {
            await system.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills something, and starts it again at once.</summary>
    public async Task<Kill> KillAsync(Random random)
    {
        switch (random.Next(_broker is null ? 2 : 3))
        {
            case 0:
                return await KillEngineAsync(random.Next(_engines.Length));
            case 1:
                var worker = random.Next(_workers.Length);
                var (from, to) = await KillAsync(_workers[worker]);
                await StartWorkerAsync(worker);
                return new Kill(from, to, $"worker {worker}");
            default:
                return await KillBrokerAsync();
        }
    }

    /// <summary>Kills an engine, and starts it again at once.</summary>
    public async Task<Kill> KillEngineAsync(int engine)
    {
        var (from, _) = await KillAsync(_engines[engine]);
        await StartEngineAsync(engine);

        // Until now a worker may have found calls of the dead engine in its socket.
        return new Kill(from, Now(), $"engine {engine}");
    }

    /// <summary>Kills the broker, if there is one, and starts it again at once.</summary>
    public async Task<Kill> KillBrokerAsync()
    {
        var from = Now();
        if (_broker is RedisServer redis)
        {
            redis.Kill();
            await redis.StartAsync();
        }
        else if (_broker is RabbitMqServer rabbit)
        {
            await rabbit.KillAsync();
            await rabbit.StartAsync();
        }

        return new Kill(from, Now() + NoticeTime, "broker");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _workers.Cast<ChildProcess?>().Concat(_engines).OfType<ChildProcess>())
        {
            await process.DisposeAsync();
        }

        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }

        _folder.Dispose();
    }

    /// <summary>The machine's monotonic clock, which the workers read too.</summary>
    public static TimeSpan Now() => Stopwatch.GetElapsedTime(0);

    private static async Task<(TimeSpan From, TimeSpan To)> KillAsync(ChildProcess process)
    {
        var from = Now();
        process.Kill();
        await process.WaitForExitAsync();
        var to = Now();
        await process.DisposeAsync();
        return (from, to);
    }

    private async Task StartEngineAsync(int engine)
    {
        var (worker, http) = _ports[engine];
        _engines[engine] = await EngineProcess.StartAsync(worker, http, EngineProcess.Configuration(worker, http) + _configuration);
    }

    private async Task StartWorkerAsync(int worker) => _workers[worker] = await NodeWorker.StartAsync(
        Urls[worker % _engines.Length],
        Sdks.Usual,
        "recorder",
        $"recorder-{worker.ToString(CultureInfo.InvariantCulture)}",
        _recordings.NextFile(),
        _recordings.Gate);
}
