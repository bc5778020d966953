using Iii.Bench.Loads;
using Iii.Bench.Processes;
using Iii.Bench.Results;

namespace Iii.Bench.Suites;

/// <summary>Worker to worker through the server.</summary>
/// <param name="subject">The server that is compared with the relay.</param>
/// <param name="clients">The subject's clients; the relay always has the tuned ones.</param>
/// <param name="options">How long to measure, and which cells.</param>
/// <param name="workFolder">For logs and sockets.</param>
/// <param name="report">Takes the results.</param>
internal sealed class InvokeSuite(ServerKind subject, ClientKind clients, SuiteOptions options, string workFolder, Report report)
{
    private static readonly TimeSpan Probe = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly int[] InFlight = [1, 64];

    public async Task<IReadOnlyList<CellResult>> RunAsync(CancellationToken cancellation)
    {
        var wanted = InFlight.Where(inFlight => options.Wants(Name(inFlight))).ToList();
        if (wanted.Count == 0)
        {
            return [];
        }

        report.WriteHead();
        await using var left = await StartAsync(subject, clients, cancellation);
        await using var right = await StartAsync(ServerKind.Relay, ClientKind.Tuned, cancellation);
        ILoad Load(Side side, int inFlight, int seconds) =>
            new CallerLoad(side.Caller!, inFlight, TimeSpan.FromSeconds(seconds));

        foreach (var side in new[] { left, right })
        {
            await Load(side, InFlight[^1], options.WarmUpSeconds).RunAsync(cancellation);
        }

        var alternation = new Alternation(left, right, options.Pairs);
        var cells = new List<CellResult>();
        foreach (var inFlight in wanted)
        {
            var cell = await alternation.RunAsync(
                Name(inFlight),
                warmUp: side => Load(side, inFlight, 1),
                window: side => Load(side, inFlight, options.Seconds),
                cancellation);
            report.Write(cell);
            cells.Add(cell);
        }

        return cells;
    }

    private async Task<Side> StartAsync(ServerKind kind, ClientKind client, CancellationToken cancellation)
    {
        var side = await Side.StartAsync(kind, workFolder, cancellation);
        try
        {
            side.AddWorker(ChildProcess.Start(client.Worker(side.Server.Workers), workFolder));
            var caller = ChildProcess.StartTalking(client.Caller(side.Server.Workers), workFolder);
            side.AddCaller(caller);
            await WaitUntilCallableAsync(caller, cancellation);
            return side;
        }
        catch
        {
            await side.DisposeAsync();
            throw;
        }
    }

    private static async Task WaitUntilCallableAsync(ChildProcess caller, CancellationToken cancellation)
    {
        var deadline = DateTime.UtcNow + Patience;
        while ((await new CallerLoad(caller, 1, Probe).RunAsync(cancellation)).Errors > 0)
        {
            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"The worker's function could not be called within {Patience.TotalSeconds:0} s.");
            }
        }
    }

    private string Name(int inFlight) => $"{clients.Cell}/n{inFlight}";
}
