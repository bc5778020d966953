using System.Diagnostics;
using Iii.Bench.Workers;

namespace Iii.Bench.Brokers;

/// <summary>Calls in a loop per call in flight, for one window at a time.</summary>
/// <param name="call">One call; the number of bytes that came back, or that it concerned.</param>
/// <param name="expected">What each call has to return.</param>
internal sealed class PeerCaller(Func<Task<int>> call, int expected)
{
    public async Task<CallerReport> RunAsync(int inFlight, TimeSpan duration)
    {
        var start = Stopwatch.GetTimestamp();
        var deadline = start + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var loops = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => CallAsync(deadline)));
        var elapsed = Stopwatch.GetElapsedTime(start);
        var latencies = loops.SelectMany(static loop => loop.Latencies).Order().ToList();
        return new CallerReport(
            latencies.Count, elapsed.TotalSeconds, loops.Sum(static loop => loop.Errors), Percentile(latencies, 0.50), Percentile(latencies, 0.99));
    }

    private async Task<(List<long> Latencies, int Errors)> CallAsync(long deadline)
    {
        await Task.Yield();
        var latencies = new List<long>();
        var errors = 0;
        var start = Stopwatch.GetTimestamp();
        do
        {
            errors += await call() == expected ? 0 : 1;
            var now = Stopwatch.GetTimestamp();
            latencies.Add(now - start);
            start = now;
        }
        while (start < deadline);

        return (latencies, errors);
    }

    private static double Percentile(List<long> latencies, double share) =>
        latencies[Math.Min((int)(latencies.Count * share), latencies.Count - 1)] * 1e6 / Stopwatch.Frequency;
}
