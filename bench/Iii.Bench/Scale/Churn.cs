using System.Diagnostics;
using Iii.Bench.Machine;
using Iii.Bench.Processes;

namespace Iii.Bench.Scale;

/// <summary>Workers that leave and come back at a steady rate, every other one without a close frame.</summary>
internal sealed class Churn(Server server, SwarmWorker[] swarm)
{
    public const int PerSecond = 100;

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1.0 / PerSecond);
    private static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(0.5);

    private readonly List<(double Seconds, double KiB)> _memory = [];

    /// <summary>How many workers have come back.</summary>
    public int Reconnects { get; private set; }

    /// <summary>The time it took, in seconds.</summary>
    public double Seconds { get; private set; }

    /// <summary>Growth of the resident memory for each reconnect, in KiB.</summary>
    public double KiBPerReconnect => Slope.Of(_memory) / (Reconnects / Seconds);

    public async Task RunAsync(TimeSpan duration, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var lastSample = TimeSpan.MinValue;
        var underWay = new List<Task>();
        using var ticks = new PeriodicTimer(Tick);
        while (watch.Elapsed < duration)
        {
            // A tick that came late makes up for the ones that were lost.
            for (; Reconnects < watch.Elapsed.TotalSeconds * PerSecond; Reconnects++)
            {
                underWay.Add(ReplaceAsync(Reconnects, cancellation));
            }

            if (lastSample == TimeSpan.MinValue || watch.Elapsed - lastSample >= SampleInterval)
            {
                lastSample = watch.Elapsed;
                _memory.Add((watch.Elapsed.TotalSeconds, ProcFile.ResidentMiB(server.ProcessId) * 1024));
                await Task.WhenAll(underWay.Where(task => task.IsCompleted));
                underWay.RemoveAll(task => task.IsCompleted);
            }

            await ticks.WaitForNextTickAsync(cancellation);
        }

        await Task.WhenAll(underWay);
        Seconds = watch.Elapsed.TotalSeconds;
    }

    private async Task ReplaceAsync(int reconnect, CancellationToken cancellation)
    {
        var number = reconnect % swarm.Length;
        await swarm[number].EndAsync(politely: reconnect % 2 == 0);
        swarm[number] = await SwarmWorker.StartAsync(server.Workers, number, cancellation);
    }
}
