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
    /// How long after the broker's return an engine may not have noticed that it was away: what was delivered to it before is
    /// delivered again.
    /// </summary>
    private static readonly TimeSpan NoticeTime = TimeSpan.FromSeconds(2);

    private readonly TemporaryFolder _folder = new();
    private readonly Recordings _recordings;
    private readonly IAsyncDisposable? _broker;
    private readonly string _configuration;
    private readonly (int Worker, int Http)[] _ports;
    private readonly EngineProcess[] _engines;
    private readonly NodeWorker[] _workers;

    private ChaosSystem(string adapter, string url, IAsyncDisposable? broker, Recordings recordings)
    {
        (_broker, _recordings) = (broker, recordings);
        var engines = broker is null ? 1 : 2;
        _ports = [.. Enumerable.Range(0, engines).Select(static _ => (FreePorts.Take(), FreePorts.Take()))];
        (_engines, _workers) = (new EngineProcess[engines], new NodeWorker[engines]);
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
    public static async Task<ChaosSystem> StartAsync(string adapter, Recordings recordings)
    {
        (string Url, IAsyncDisposable? Server) broker = adapter switch
        {
            Embedded => ("", null),
            ClusterBroker.Redis when await RedisServer.StartAsync(new RedisServerOptions { AppendFsync = "always" }) is var redis => (redis.Url, redis),
            ClusterBroker.RabbitMq when await RabbitMqServer.StartNewAsync() is var rabbit => (rabbit.Url, rabbit),
            _ => throw new ArgumentException($"There is no adapter '{adapter}'.", nameof(adapter)),
        };
        var system = new ChaosSystem(adapter, broker.Url, broker.Server, recordings);
        try
        {
            for (var engine = 0; engine < system._engines.Length; engine++)
            {
                await system.StartEngineAsync(engine);
                await system.StartWorkerAsync(engine);
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
        var engine = random.Next(_engines.Length);
        var from = Now();
        TimeSpan to;
        switch (random.Next(_broker is null ? 2 : 3))
        {
            case 0:
                to = await KillAsync(_engines[engine]);
                await StartEngineAsync(engine);
                return new Kill(from, to, $"engine {engine}");
            case 1:
                to = await KillAsync(_workers[engine]);
                await StartWorkerAsync(engine);
                return new Kill(from, to, $"worker {engine}");
            default:
                await KillBrokerAsync();
                return new Kill(from, Now() + NoticeTime, "broker");
        }
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

    private static TimeSpan Now() => Stopwatch.GetElapsedTime(0);

    private static async Task<TimeSpan> KillAsync(ChildProcess process)
    {
        process.Kill();
        await process.WaitForExitAsync();
        var to = Now();
        await process.DisposeAsync();
        return to;
    }

    private async Task KillBrokerAsync()
    {
        if (_broker is RedisServer redis)
        {
            redis.Kill();
            await redis.StartAsync();
        }
        else
        {
            var rabbit = (RabbitMqServer)_broker!;
            await rabbit.KillAsync();
            await rabbit.StartAsync();
        }
    }

    private async Task StartEngineAsync(int engine)
    {
        var (worker, http) = _ports[engine];
        _engines[engine] = await EngineProcess.StartAsync(worker, http, EngineProcess.Configuration(worker, http) + _configuration);
    }

    private async Task StartWorkerAsync(int engine) => _workers[engine] = await NodeWorker.StartAsync(
        Urls[engine], Sdks.Usual, "recorder", $"recorder-{engine.ToString(CultureInfo.InvariantCulture)}", _recordings.NextFile());
}
