using System.Globalization;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>
/// Several real engines over one broker, with a balancer in front of them. Engines are numbered from 0 and keep their number and
/// ports when they are started again.
/// </summary>
internal sealed class Cluster : IAsyncDisposable
{
    /// <summary>Faster than the defaults, and slow enough for a busy machine.</summary>
    private const string Times = "heartbeat_interval_ms: 100, suspect_timeout_ms: 600, member_timeout_ms: 1500";

    private readonly ClusterBroker _broker;
    private readonly int _drainDelayMs;
    private readonly string _modules;
    private readonly EngineProcess[] _engines;
    private readonly (int Worker, int Http)[] _ports;
    private readonly TcpProxy[] _links;
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(10) };
    private Balancer? _balancer;

    private Cluster(ClusterBroker broker, int engines, int drainDelayMs, string modules)
    {
        (_broker, _drainDelayMs, _modules) = (broker, drainDelayMs, modules);
        _engines = new EngineProcess[engines];
        _ports = [.. Enumerable.Range(0, engines).Select(static _ => (FreePorts.Take(), FreePorts.Take()))];
        _links = [.. Enumerable.Range(0, engines).Select(_ => TcpProxy.Start(new Uri(broker.Url).Port))];
    }

    /// <summary>How many engines there are, running or not.</summary>
    public int Count => _engines.Length;

    /// <summary>In front of all of them.</summary>
    public Balancer Balancer => _balancer!;

    /// <summary>An engine, or what is left of it.</summary>
    public EngineProcess this[int engine] => _engines[engine];

    /// <summary>The network between an engine and the broker.</summary>
    public TcpProxy Link(int engine) => _links[engine];

    private IEnumerable<int> Running => Enumerable.Range(0, Count).Where(engine => !_engines[engine].HasExited);

    /// <summary>Starts engines over a broker, and returns once all are ready; whether they see each other is another question.</summary>
    /// <param name="broker">The broker; it stays the caller's.</param>
    /// <param name="engines">How many.</param>
    /// <param name="drainDelayMs">How long each lets the balancer notice that it shuts down.</param>
    /// <param name="modules">Further modules: entries of the list, each indented by two.</param>
    public static async Task<Cluster> StartAsync(ClusterBroker broker, int engines = 3, int drainDelayMs = 0, string modules = "")
    {
        var cluster = new Cluster(broker, engines, drainDelayMs, modules);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, engines).Select(cluster.StartEngineAsync));
            cluster._balancer = await Balancer.StartAsync(
                cluster._ports.Select(static ports => ports.Worker), cluster._ports.Select(static ports => ports.Http));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends an engine at once (SIGKILL).</summary>
    public Task KillAsync(int engine)
    {
        _engines[engine].Kill();
        return _engines[engine].WaitForExitAsync();
    }

    /// <summary>Asks an engine to end (SIGTERM) and waits until it has.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> TerminateAsync(int engine)
    {
        _engines[engine].Terminate();
        return _engines[engine].WaitForExitAsync();
    }

    /// <summary>Starts an engine again that has ended, and returns once it is ready.</summary>
    public async Task RestartAsync(int engine)
    {
        Assert.True(_engines[engine].HasExited, $"Engine {engine} is still running.");
        await _engines[engine].DisposeAsync();
        await StartEngineAsync(engine);
    }

    /// <summary>Waits until the balancer has noticed that an engine came back, or went away.</summary>
    public Task WaitUntilBalancerSeesAsync(int engine, bool isUp) => Task.WhenAll(
        Balancer.WaitUntilSeenAsync(_ports[engine].Worker, isUp), Balancer.WaitUntilSeenAsync(_ports[engine].Http, isUp));

    /// <summary>What an engine says of itself and the others.</summary>
    public async Task<HealthReport> HealthAsync(int engine)
    {
        var url = new Uri($"http://127.0.0.1:{_ports[engine].Worker}/health/ready");
        using var response = await _client.GetAsync(url, TestContext.Current.CancellationToken);
        return HealthReport.Read(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Waits until the engines that run see each other, nobody else, and the same.</summary>
    public async Task WaitUntilEqualDigestsAsync(TimeSpan? within = null)
    {
        var running = Running.ToArray();
        await Eventually.ValueAsync(
            $"engines {string.Join(", ", running.Select(static engine => engine.ToString(CultureInfo.InvariantCulture)))} agree",
            async () => new Views(await Task.WhenAll(running.Select(HealthAsync))),
            static views => views.Agree,
            within);
    }

    public async ValueTask DisposeAsync()
    {
        if (_balancer is not null)
        {
            await _balancer.DisposeAsync();
        }

        foreach (var engine in _engines.OfType<EngineProcess>())
        {
            await engine.DisposeAsync();
        }

        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }

        _client.Dispose();
    }

    private async Task StartEngineAsync(int engine)
    {
        var (worker, http) = _ports[engine];
        var broker = new UriBuilder(_broker.Url) { Port = _links[engine].Port }.Uri.AbsoluteUri;
        _engines[engine] = await EngineProcess.StartAsync(worker, http, EngineProcess.Configuration(worker, http) + _modules + $$"""
              - class: modules::worker::WorkerModule
                config: { drain_delay_ms: {{_drainDelayMs}} }
            broker: { adapter: {{_broker.Adapter}}, url: "{{broker}}" }
            cluster: { instance_id: engine-{{engine}}, {{Times}} }

            """);
    }

    private sealed record Views(HealthReport[] Reports)
    {
        public bool Agree
        {
            get
            {
                var instances = Reports.Select(static report => report.Instance).ToHashSet();
                var members = Reports[0].Members.ToHashSet();
                return Reports.All(report =>
                    report.Status == "ready"
                    && report.Digest == Reports[0].Digest
                    && report.Members.All(static member => member.Status == "alive")
                    && members.SetEquals(report.Members)
                    && instances.SetEquals(report.Members.Select(static member => member.Instance)));
            }
        }

        public override string ToString() => string.Join("; ", Reports.Select(static report => $"{report}"));
    }
}
