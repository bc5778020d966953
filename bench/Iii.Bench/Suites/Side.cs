using Iii.Bench.Machine;
using Iii.Bench.Processes;

namespace Iii.Bench.Suites;

/// <summary>One of the two that are compared: a server, the worker behind it and, for invocations, the caller.</summary>
internal sealed class Side(string name, Server server) : IAsyncDisposable
{
    private readonly List<ChildProcess> _clients = [];

    public string Name => name;

    public Server Server => server;

    public ChildProcess? Worker { get; private set; }

    public static async Task<Side> StartAsync(ServerKind kind, string workFolder, CancellationToken cancellation) =>
        new(kind.Name, await Server.StartAsync(kind, workFolder, cancellation));

    public void AddWorker(ChildProcess worker)
    {
        Worker = worker;
        _clients.Add(worker);
    }

    public ChildProcess? Caller { get; private set; }

    public void AddCaller(ChildProcess caller)
    {
        Caller = caller;
        _clients.Add(caller);
    }

    public double WorkerCpuSeconds() => Worker is null ? 0 : ProcFile.CpuSeconds(Worker.Id);

    public double ServerCpuSeconds() => ProcFile.CpuSeconds(server.ProcessId);

    public double AllCpuSeconds() => ServerCpuSeconds() + _clients.Sum(client => ProcFile.CpuSeconds(client.Id));

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }

        await server.DisposeAsync();
    }
}
