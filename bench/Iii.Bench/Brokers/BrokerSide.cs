using Iii.Bench.Loads;
using Iii.Bench.Machine;
using Iii.Bench.Processes;

namespace Iii.Bench.Brokers;

/// <summary>One of the two that are compared on one broker: its processes, of which the last is told to call.</summary>
internal sealed class BrokerSide : IAsyncDisposable
{
    /// <summary>What a process says when it can do its part.</summary>
    public const string Ready = "ready";

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly List<ChildProcess> _processes = [];

    private BrokerSide(string name) => Name = name;

    public string Name { get; }

    /// <summary>Starts the processes one after the other, each when the one before is ready.</summary>
    public static async Task<BrokerSide> StartAsync(
        string name, IReadOnlyList<string> commands, string url, string workFolder, CancellationToken cancellation)
    {
        var side = new BrokerSide(name);
        foreach (var command in commands)
        {
            var process = ChildProcess.StartTalking(Programs.BrokerPeer(command, name, url), workFolder);
            side._processes.Add(process);
            if (await process.Output.ReadLineAsync(cancellation).AsTask().WaitAsync(Grace, cancellation) != Ready)
            {
                process.RequireAlive();
                throw new InvalidOperationException($"{command} is not ready:\n{process.LogTail()}");
            }
        }

        return side;
    }

    /// <summary>Runs one window.</summary>
    public async Task<BrokerWindow> RunAsync(int inFlight, TimeSpan duration, CancellationToken cancellation)
    {
        var (cpu, machine) = (Cpu(), ProcFile.MachineCpuSeconds());
        var report = await new CallerLoad(_processes[^1], inFlight, duration).RunAsync(cancellation);
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
    }

    private double Cpu() => _processes.Sum(process => ProcFile.CpuSeconds(process.Id));
}
