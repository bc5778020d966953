using Iii.Bench.Machine;
using Iii.Bench.Processes;

namespace Iii.Bench.Scale;

/// <summary>What an engine holds at one moment: the swarm's entries in its directories, open handles, and memory.</summary>
internal sealed record Directories(int Workers, int Functions, int Handles, double ResidentMiB)
{
    public static async Task<Directories> ReadAsync(Server server, Observer observer, CancellationToken cancellation) => new(
        await observer.CountWorkersAsync(cancellation),
        await observer.CountFunctionsAsync(cancellation),
        ProcFile.Handles(server.ProcessId),
        ProcFile.ResidentMiB(server.ProcessId));

    /// <summary>Whether the directories and the handles are as they were then; the memory is judged by its slope.</summary>
    public bool HoldsWhat(Directories then) =>
        Workers == then.Workers && Functions == then.Functions && Handles <= then.Handles;
}
