using System.Diagnostics;
using Iii.Bench.Workers;

namespace Iii.Bench.Brokers;

/// <summary>Operations for one window at a time: one after the other in so many loops, or at a rate whatever becomes of them.</summary>
/// <param name="run">One operation; whether it went well.</param>
internal sealed class PeerCaller(Func<Task<bool>> run)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    /// <summary>Runs one window.</summary>
    /// <param name="inFlight">Loops; at a rate, the most that may be under way.</param>
    /// <param name="duration">How long operations are begun.</param>
    /// <param name="rate">Operations per second, whose latency counts from when each was due; 0 for as many as the loops can.</param>
    public async Task<CallerReport> RunAsync(int inFlight, TimeSpan duration, int rate)
    {
        var start = Stopwatch.GetTimestamp();
        var loops = await (rate > 0
            ? PaceAsync(inFlight, duration, rate)
            : Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => LoopAsync(start + (long)(duration.TotalSeconds * Stopwatch.Frequency)))));
        var elapsed = Stopwatch.GetElapsedTime(start);
        var latencies = loops.SelectMany(static loop => loop.Latencies).Order().ToList();
        return new CallerReport(
            latencies.Count, elapsed.TotalSeconds, loops.Sum(static loop => loop.Errors), Percentile(latencies, 0.50), Percentile(latencies, 0.99));
    }

    private async Task<(List<long> Latencies, int Errors)> LoopAsync(long deadline)
    {
        await Task.Yield();
        var latencies = new List<long>();
        var errors = 0;
        var start = Stopwatch.GetTimestamp();
        do
        {
            errors += await run() ? 0 : 1;
            var now = Stopwatch.GetTimestamp();
            latencies.Add(now - start);
            start = now;
        }
        while (start < deadline);

        return (latencies, errors);
    }

    /// <summary>
    /// Begins operations when each is due, on a thread of their own: a timer of the runtime is due every 4 ms on Linux, which would begin
    /// them in bursts. Nothing is allocated per operation but what the operation allocates, so that this program's collections stay short.
    /// </summary>
    private async Task<(List<long> Latencies, int Errors)[]> PaceAsync(int inFlight, TimeSpan duration, int rate)
    {
        var latencies = new long[(int)(duration.TotalSeconds * rate)];
        var errors = 0;
        Exception? failure = null;
        using var room = new SemaphoreSlim(inFlight);
        await Task.Factory.StartNew(BeginAll, TaskCreationOptions.LongRunning);
        for (var ended = 0; ended < inFlight; ended++)
        {
            await room.WaitAsync();
        }

        return failure is null ? [([.. latencies], errors)] : throw new InvalidOperationException("An operation failed.", failure);

        void BeginAll()
        {
            var start = Stopwatch.GetTimestamp();
            for (var number = 0; number < latencies.Length; number++)
            {
                var due = start + (long)(number / (double)rate * Stopwatch.Frequency);
                while (due > Stopwatch.GetTimestamp())
                {
                    Thread.Sleep(Tick);
                }

                room.Wait();
                _ = RunOneAsync(number, due);
            }
        }

        async Task RunOneAsync(int number, long due)
        {
            try
            {
                if (!await run())
                {
                    Interlocked.Increment(ref errors);
                }
            }
            catch (Exception reason)
            {
                failure = reason;
            }

            latencies[number] = Stopwatch.GetTimestamp() - due;
            room.Release();
        }
    }

    private static double Percentile(List<long> latencies, double share) =>
        latencies[Math.Min((int)(latencies.Count * share), latencies.Count - 1)] * 1e6 / Stopwatch.Frequency;
}
