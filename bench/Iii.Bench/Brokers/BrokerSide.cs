using Iii.Bench.Loads;
using Iii.Bench.Machine;
using Iii.Bench.Processes;
using Iii.Bench.Workers;

namespace Iii.Bench.Brokers;

/// <summary>One of the two that are compared on one broker: its processes, of which the last is told to call.</summary>
internal sealed class BrokerSide : IAsyncDisposable
{
    /// <summary>What a process says when it can do its part.</summary>
    public const string Ready = "ready";

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Probe = TimeSpan.FromMilliseconds(50);

    private readonly List<ChildProcess> _processes = [];
    private readonly List<Server> _servers = [];

    private BrokerSide(string name) => Name = name;

    public string Name { get; }

    /// <summary>Starts the processes one after the other, each when the one before is ready.</summary>
    public static async Task<BrokerSide> StartAsync(
        string name, IReadOnlyList<string> commands, string url, string workFolder, CancellationToken cancellation)
    {
        var side = new BrokerSide(name);
        foreach (var command in commands)
        {
            await side.StartPeerAsync(Programs.BrokerPeer(command, name, url), workFolder, cancellation);
        }

        return side;
    }

    /// <summary>Starts one process that is no program of the bench's, and waits until it is ready.</summary>
    public static async Task<BrokerSide> StartAsync(string name, Launch program, string workFolder, CancellationToken cancellation)
    {
        var side = new BrokerSide(name);
        await side.StartPeerAsync(program, workFolder, cancellation);
        return side;
    }

    /// <summary>Starts an engine with queues, and a process that enqueues and handles jobs.</summary>
    public static async Task<BrokerSide> StartQueueAsync(ServerKind engine, string workFolder, CancellationToken cancellation)
    {
        var side = new BrokerSide(QueuePeers.Engine);
        try
        {
            var server = await Server.StartAsync(engine, workFolder, cancellation, isProbed: false);
            side._servers.Add(server);
            await side.StartPeerAsync(Programs.BrokerPeer("queue-caller", side.Name, server.Workers.ToString()), workFolder, cancellation);
            return side;
        }
        catch
        {
            await side.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the relay with a caller and a worker on the SDK: an operation is a call, of which a job needs two.</summary>
    public static async Task<BrokerSide> StartRelayAsync(string workFolder, CancellationToken cancellation)
    {
        var side = new BrokerSide("relay");
        try
        {
            var server = await Server.StartAsync(ServerKind.Relay, workFolder, cancellation, isProbed: false);
            side._servers.Add(server);
            side._processes.Add(ChildProcess.Start(Programs.SdkWorker(server.Workers, runsInline: false), workFolder));
            side._processes.Add(ChildProcess.StartTalking(Programs.SdkCaller(server.Workers), workFolder));
            await side.WaitUntilCallableAsync(cancellation);
            return side;
        }
        catch
        {
            await side.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Starts two engines that meet on the broker, a worker at the last of them and a caller at the first; or both at the same one.
    /// </summary>
    public static async Task<BrokerSide> StartClusterAsync(
        string name, string engine, string broker, string url, bool isRemote, string workFolder, CancellationToken cancellation)
    {
        var side = new BrokerSide(name);
        try
        {
            // The engines of different sides must not meet.
            var kind = ServerKind.Engine(engine, $"broker: {{ adapter: {broker}, url: '{url}' }}\ncluster: {{ name: bench-{name} }}\n");
            for (var i = 0; i < 2; i++)
            {
                side._servers.Add(await Server.StartAsync(kind, workFolder, cancellation, isProbed: false));
            }

            side._processes.Add(ChildProcess.Start(Programs.TunedWorker(side._servers[^1].Workers, new RouteSet(1)), workFolder));
            var caller = ChildProcess.StartTalking(Programs.Caller(side._servers[isRemote ? 0 : ^1].Workers), workFolder);
            side._processes.Add(caller);
            await side.WaitUntilCallableAsync(cancellation);
            return side;
        }
        catch
        {
            await side.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs one window.</summary>
    /// <param name="inFlight">Operations under way.</param>
    /// <param name="duration">Its length.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="rate">Operations per second; 0 for as many as there can be.</param>
    public async Task<BrokerWindow> RunAsync(int inFlight, TimeSpan duration, CancellationToken cancellation, int rate = 0)
    {
        var (cpu, machine) = (Cpu(), ProcFile.MachineCpuSeconds());
        var report = await new CallerLoad(_processes[^1], inFlight, duration, rate).RunAsync(cancellation);
        var operations = Math.Max(1, report.Operations);
        return new BrokerWindow(
            report.Operations / report.Seconds,
            report.Errors,
            report.P50Us,
            report.P99Us,
            (Cpu() - cpu) * 1e6 / operations,
            (ProcFile.MachineCpuSeconds() - machine) * 1e6 / operations);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    private async Task WaitUntilCallableAsync(CancellationToken cancellation)
    {
        var deadline = DateTime.UtcNow + Grace;
        while ((await new CallerLoad(_processes[^1], 1, Probe).RunAsync(cancellation)).Errors > 0)
        {
            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"The worker's function could not be called within {Grace.TotalSeconds:0} s.");
            }
        }
    }

    private async Task StartPeerAsync(Launch program, string workFolder, CancellationToken cancellation)
    {
        var process = ChildProcess.StartTalking(program, workFolder);
        _processes.Add(process);
        if (await process.Output.ReadLineAsync(cancellation).AsTask().WaitAsync(Grace, cancellation) != Ready)
        {
            process.RequireAlive();
            throw new InvalidOperationException($"{program.Name} is not ready:\n{process.LogTail()}");
        }
    }

    private double Cpu() =>
        _processes.Sum(static process => ProcFile.CpuSeconds(process.Id)) + _servers.Sum(static server => ProcFile.CpuSeconds(server.ProcessId));
}
