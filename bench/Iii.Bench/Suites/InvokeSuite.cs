using Iii.Bench.Loads;
using Iii.Bench.Processes;
using Iii.Bench.Results;
using Iii.Bench.Workers;

namespace Iii.Bench.Suites;

/// <summary>Worker to worker through the server: the same tuned caller and worker on both sides.</summary>
internal sealed class InvokeSuite(ServerKind subject, SuiteOptions options, string workFolder, Report report)
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
        await using var left = await StartAsync(subject, cancellation);
        await using var right = await StartAsync(ServerKind.Relay, cancellation);
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

    private async Task<Side> StartAsync(ServerKind kind, CancellationToken cancellation)
    {
        var side = await Side.StartAsync(kind, workFolder, cancellation);
        try
        {
            side.AddWorker(ChildProcess.Start(Programs.TunedWorker(side.Server.Workers, new RouteSet(1)), workFolder));
            var caller = ChildProcess.StartTalking(Programs.Caller(side.Server.Workers), workFolder);
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

    private static string Name(int inFlight) => $"invoke/n{inFlight}";
}
