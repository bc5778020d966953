using System.Diagnostics;
using Iii.Bench.Machine;
using Iii.Bench.Processes;

namespace Iii.Bench.Scale;

/// <summary>Many workers on one engine: how fast they are registered, what an idle one costs, and what is left of those that leave.</summary>
internal sealed class ScaleRun(ScaleOptions options, string workFolder, TextWriter output)
{
    private const double RegisterBarSeconds = 5;
    private const double IdleBarKiB = 60;

    // The heap breathes by some MiB, which is this much for each reconnect of a run; a connection that leaked would cost ten
    // times as much, and an entry of a directory is counted.
    private const double LeakBarKiB = 4;

    private const int ConnectsAtOnce = 32;
    private const double SettledKiB = 64;
    private static readonly TimeSpan ChurnWarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SettleProbe = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(20);

    private bool _allMet = true;

    /// <returns>Whether every bar is met.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellation)
    {
        await using var server = await Server.StartAsync(ServerKind.Engine(options.Binary), workFolder, cancellation, isProbed: false);
        using var observer = await Observer.ConnectAsync(server.Workers, cancellation);

        // The first connections pay for code that is compiled and pools that are filled once, whatever comes later.
        await EndAllAsync(await StartSwarmAsync(server, options.WarmUpWorkers, cancellation));
        await SettleAsync(server, cancellation);
        var empty = await Directories.ReadAsync(server, observer, cancellation);
        output.WriteLine($"{"engine without workers",-34} {empty.ResidentMiB,9:0.0} MiB, {empty.Handles} handles");

        var watch = Stopwatch.StartNew();
        var swarm = await StartSwarmAsync(server, options.Workers, cancellation);
        try
        {
            await WaitForAsync(options.Workers * SwarmWorker.Functions, observer, cancellation);
            var seconds = watch.Elapsed.TotalSeconds;
            Judge($"{options.Workers:N0} workers, {options.Workers * SwarmWorker.Functions:N0} functions listed", seconds, "s", RegisterBarSeconds);

            await SettleAsync(server, cancellation);
            var full = await Directories.ReadAsync(server, observer, cancellation);
            output.WriteLine($"{"engine with idle workers",-34} {full.ResidentMiB,9:0.0} MiB, {full.Handles} handles");
            Judge("idle memory of a worker", (full.ResidentMiB - empty.ResidentMiB) * 1024 / options.Workers, "KiB", IdleBarKiB);

            // Until the heap has found the size that this much coming and going needs.
            await new Churn(server, swarm).RunAsync(ChurnWarmUp, cancellation);
            var churn = new Churn(server, swarm);
            await churn.RunAsync(TimeSpan.FromSeconds(options.Seconds), cancellation);
            output.WriteLine($"{"reconnects",-34} {churn.Reconnects,9:N0} in {churn.Seconds:0.0} s");
            Judge("memory growth for each", churn.KiBPerReconnect, "KiB", LeakBarKiB);

            await SettleAsync(server, cancellation);
            JudgeSame("after the churn", await Directories.ReadAsync(server, observer, cancellation), full);
        }
        finally
        {
            await EndAllAsync(swarm);
        }

        await WaitForAsync(0, observer, cancellation);
        await SettleAsync(server, cancellation);
        JudgeSame("after all workers left", await Directories.ReadAsync(server, observer, cancellation), empty);
        return _allMet;
    }

    private static async Task<SwarmWorker[]> StartSwarmAsync(Server server, int count, CancellationToken cancellation)
    {
        var swarm = new SwarmWorker[count];
        await Parallel.ForAsync(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = ConnectsAtOnce, CancellationToken = cancellation },
            async (number, token) => swarm[number] = await SwarmWorker.StartAsync(server.Workers, number, token));
        return swarm;
    }

    private static Task EndAllAsync(SwarmWorker[] swarm) => Task.WhenAll(swarm.Select(worker => worker.EndAsync(politely: true)));

    private static async Task WaitForAsync(int functions, Observer observer, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(SettlePatience);
        while (await observer.CountFunctionsAsync(patience.Token) != functions)
        {
            // Asking is what waits: the answer takes a while.
        }
    }

    /// <summary>Waits until memory and handles stand still.</summary>
    private static async Task SettleAsync(Server server, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var (handles, memory) = (-1, double.NaN);
        while (watch.Elapsed < SettlePatience)
        {
            await Task.Delay(SettleProbe, cancellation);
            var (handlesNow, memoryNow) = (ProcFile.Handles(server.ProcessId), ProcFile.ResidentMiB(server.ProcessId));
            if (handlesNow == handles && Math.Abs(memoryNow - memory) * 1024 < SettledKiB)
            {
                return;
            }

            (handles, memory) = (handlesNow, memoryNow);
        }
    }

    private void Judge(string what, double figure, string unit, double bar)
    {
        var isMet = figure <= bar;
        _allMet &= isMet;
        output.WriteLine($"{what,-34} {figure,9:0.00} {unit} (bar {bar} {unit}: {(isMet ? "met" : "MISSED")})");
    }

    private void JudgeSame(string when, Directories now, Directories then)
    {
        var isSame = now.HoldsWhat(then);
        _allMet &= isSame;
        output.WriteLine(
            $"{when,-34} {now.ResidentMiB,9:0.0} MiB, {now.Handles} handles, {now.Workers:N0} workers, {now.Functions:N0} functions: "
            + (isSame ? "as before" : $"NOT AS BEFORE ({then.Handles} handles, {then.Workers:N0} workers, {then.Functions:N0} functions)"));
    }
}
