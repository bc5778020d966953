using System.Net;
using Iii.Bench.Machine;

namespace Iii.Bench.Processes;

/// <summary>A running engine or relay: its two ports, its process and its allocation probe.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    private readonly ChildProcess _process;
    private readonly AllocationProbe _probe;

    private Server(ChildProcess process, AllocationProbe probe, int httpPort, int workerPort)
    {
        _process = process;
        _probe = probe;
        Http = new Uri($"http://127.0.0.1:{httpPort}");
        Workers = new Uri($"ws://127.0.0.1:{workerPort}");
    }

    public Uri Http { get; }

    public Uri Workers { get; }

    public int ProcessId => _process.Id;

    /// <summary>Starts a server on two free ports; returns once it listens on both and nobody else does.</summary>
    /// <param name="kind">What to start.</param>
    /// <param name="workFolder">Where its files go.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="isProbed">Whether its allocations can be read; the probe takes memory of its own.</param>
    public static async Task<Server> StartAsync(
        ServerKind kind, string workFolder, CancellationToken cancellation, bool isProbed = true)
    {
        var (httpPort, workerPort) = (ListeningPorts.Free(), ListeningPorts.Free());
        ListeningPorts.RequireFree(httpPort);
        ListeningPorts.RequireFree(workerPort);
        var probe = new AllocationProbe(Path.Combine(workFolder, $"probe-{httpPort}.sock"));
        var launch = kind.EngineBinary is { } binary
            ? Programs.Engine(binary, EngineConfig.Write(workFolder, httpPort, workerPort, kind.Configuration), isProbed ? probe : null)
            : Programs.Relay(httpPort, workerPort, probe);
        var server = new Server(ChildProcess.Start(launch, workFolder), probe, httpPort, workerPort);
        try
        {
            await server.WaitUntilListeningAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public long? AllocatedBytes() => _probe.Read();

    /// <summary>Waits until a POST to the path succeeds, that is until the worker behind it is registered.</summary>
    public async Task WaitUntilServesAsync(string path, CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = Http, Timeout = TimeSpan.FromSeconds(5) };
        await WaitAsync($"POST {path} to succeed", async () =>
        {
            using var body = new StringContent("""{"a":1,"b":2}""", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"));
            using var answer = await client.PostAsync(path, body, cancellation);
            return answer.StatusCode == HttpStatusCode.OK
                && await answer.Content.ReadAsStringAsync(cancellation) == """{"c":3}""";
        }, cancellation);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task WaitUntilListeningAsync(CancellationToken cancellation)
    {
        await WaitAsync(
            "the ports to open",
            () => Task.FromResult(ListeningPorts.IsOpen(Http.Port) && ListeningPorts.IsOpen(Workers.Port)),
            cancellation);
        ListeningPorts.RequireOwner(Http.Port, ProcessId);
        ListeningPorts.RequireOwner(Workers.Port, ProcessId);
    }

    private async Task WaitAsync(string what, Func<Task<bool>> happened, CancellationToken cancellation)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!await happened())
        {
            _process.RequireAlive();
            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"{_process.Name}: waited {Patience.TotalSeconds:0} s for {what}.\n{_process.LogTail()}");
            }

            await Task.Delay(PollInterval, cancellation);
        }
    }
}
