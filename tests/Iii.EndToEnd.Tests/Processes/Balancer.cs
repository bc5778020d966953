using System.Diagnostics;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>Caddy in front of several engines, with the configuration that is shipped.</summary>
internal sealed class Balancer : ChildProcess
{
    private readonly TemporaryFolder _folder;

    private Balancer(TemporaryFolder folder, ProcessStartInfo start, int workerPort, int httpPort)
        : base("balancer", start)
    {
        _folder = folder;
        WorkerUrl = $"ws://127.0.0.1:{workerPort}";
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{httpPort}/"), Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>The address for workers.</summary>
    public string WorkerUrl { get; }

    /// <summary>A client of its HTTP port.</summary>
    public HttpClient Http { get; }

    /// <summary>Starts one, and returns once it passes requests on.</summary>
    /// <param name="workerPorts">The worker ports of the engines, on the loopback address.</param>
    /// <param name="httpPorts">Their HTTP ports.</param>
    public static async Task<Balancer> StartAsync(IEnumerable<int> workerPorts, IEnumerable<int> httpPorts)
    {
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());
        var folder = new TemporaryFolder();
        string[] arguments = ["run", "--config", Path.Combine(Repository.Root, "deploy", "Caddyfile"), "--adapter", "caddyfile"];
        var start = new ProcessStartInfo("caddy", arguments)
        {
            Environment =
            {
                ["WORKER_ADDRESS"] = $"http://127.0.0.1:{workerPort}",
                ["HTTP_ADDRESS"] = $"http://127.0.0.1:{httpPort}",
                ["WORKER_UPSTREAMS"] = Upstreams(workerPorts),
                ["HTTP_UPSTREAMS"] = Upstreams(httpPorts),
                ["XDG_DATA_HOME"] = folder.FullPath,
                ["XDG_CONFIG_HOME"] = folder.FullPath,
            },
        };
        var balancer = new Balancer(folder, start, workerPort, httpPort);
        try
        {
            await Eventually.TrueAsync("the balancer passes requests on", async () =>
            {
                using var response = await balancer.Http.GetAsync("health/ready", TestContext.Current.CancellationToken);
                return response.IsSuccessStatusCode;
            });
            return balancer;
        }
        catch
        {
            await balancer.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it has noticed that an engine's port came back, or went away.</summary>
    public Task WaitUntilSeenAsync(int port, bool isUp) => Eventually.TrueAsync(
        $"the balancer sees that port {port} is {(isUp ? "up" : "down")}",
        () => Errors.Split('\n').LastOrDefault(line => line.Contains($"\"host\":\"127.0.0.1:{port}\"", StringComparison.Ordinal)) is { } news
            && news.Contains("host is up", StringComparison.Ordinal) == isUp);

    public override async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await base.DisposeAsync();
        _folder.Dispose();
    }

    private static string Upstreams(IEnumerable<int> ports) => string.Join(' ', ports.Select(static port => $"127.0.0.1:{port}"));
}
