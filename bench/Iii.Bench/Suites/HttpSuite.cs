using Iii.Bench.Loads;
using Iii.Bench.Processes;
using Iii.Bench.Results;
using Iii.Bench.Workers;

namespace Iii.Bench.Suites;

/// <summary>HTTP through the server to a worker and back, over workers, route counts and concurrency.</summary>
internal sealed class HttpSuite(ServerKind subject, SuiteOptions options, string workFolder, Report report)
{
    private const int WarmUpConnections = 64;
    private static readonly int[] Concurrency = [1, 64, 512];
    private static readonly (string Worker, int Routes)[] Groups = [("node", 1), ("tuned", 1), ("tuned", 10_000)];

    public async Task<IReadOnlyList<CellResult>> RunAsync(CancellationToken cancellation)
    {
        report.WriteHead();
        var cells = new List<CellResult>();
        foreach (var (worker, routes) in Groups)
        {
            var wanted = Concurrency.Where(connections => options.Wants(Name(worker, routes, connections))).ToList();
            if (wanted.Count > 0)
            {
                cells.AddRange(await RunGroupAsync(worker, new RouteSet(routes), wanted, cancellation));
            }
        }

        return cells;
    }

    private async Task<List<CellResult>> RunGroupAsync(
        string worker, RouteSet routes, IReadOnlyList<int> concurrency, CancellationToken cancellation)
    {
        await using var left = await StartAsync(subject, worker, routes, cancellation);
        await using var right = await StartAsync(ServerKind.Relay, worker, routes, cancellation);
        ILoad Load(Side side, int connections, int seconds) =>
            new WrkLoad(new Uri(side.Server.Http, routes.RequestPath), connections, seconds, BenchFolder.WrkScript);

        foreach (var side in new[] { left, right })
        {
            await Load(side, WarmUpConnections, options.WarmUpSeconds).RunAsync(cancellation);
        }

        var alternation = new Alternation(left, right, options.Pairs);
        var cells = new List<CellResult>();
        foreach (var connections in concurrency)
        {
            var cell = await alternation.RunAsync(
                Name(worker, routes.Count, connections),
                warmUp: side => Load(side, connections, 1),
                window: side => Load(side, connections, options.Seconds),
                cancellation);
            report.Write(cell);
            cells.Add(cell);
        }

        return cells;
    }

    private async Task<Side> StartAsync(ServerKind kind, string worker, RouteSet routes, CancellationToken cancellation)
    {
        var side = await Side.StartAsync(kind, workFolder, cancellation);
        try
        {
            var launch = worker == "node"
                ? Programs.NodeWorker(BenchFolder.NodeWorker, side.Server.Workers)
                : Programs.TunedWorker(side.Server.Workers, routes);
            side.AddWorker(ChildProcess.Start(launch, workFolder));
            await side.Server.WaitUntilServesAsync(routes.LastPath, cancellation);
            return side;
        }
        catch
        {
            await side.DisposeAsync();
            throw;
        }
    }

    private static string Name(string worker, int routes, int connections) => $"http/{worker}/r{routes}/c{connections}";
}
