using System.Diagnostics;
using Iii.Sdk;

namespace Iii.Bench.Workers;

/// <summary>The calling worker on the SDK: one loop per call in flight, each awaiting its typed answer.</summary>
internal sealed class SdkCaller(IiiWorker worker)
{
    /// <summary>Runs one window; completes when the last call of it was answered.</summary>
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
        var input = new Terms(1, 2);
        var start = Stopwatch.GetTimestamp();
        do
        {
            try
            {
                var answer = await worker.InvokeAsync(AdditionWorker.FunctionId, input, SdkJson.Default.Terms, SdkJson.Default.Answer);
                errors += answer.Body.C == 3 ? 0 : 1;
            }
            catch (IiiException)
            {
                errors++;
            }

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
