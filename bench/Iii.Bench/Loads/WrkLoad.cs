using System.Diagnostics;
using System.Globalization;

namespace Iii.Bench.Loads;

/// <summary>HTTP load by wrk: one thread, a fixed number of connections, whole seconds.</summary>
internal sealed class WrkLoad(Uri url, int connections, int seconds, string script) : ILoad
{
    private const string SummaryMark = "SUMMARY ";

    public async Task<LoadReport> RunAsync(CancellationToken cancellation)
    {
        string[] arguments = ["-t1", $"-c{connections}", $"-d{seconds}s", "--latency", "-s", script, url.ToString()];
        using var wrk = Process.Start(new ProcessStartInfo("wrk", arguments) { RedirectStandardOutput = true })!;
        try
        {
            var output = await wrk.StandardOutput.ReadToEndAsync(cancellation);
            await wrk.WaitForExitAsync(cancellation);
            return Parse(output);
        }
        finally
        {
            if (!wrk.HasExited)
            {
                wrk.Kill();
            }
        }
    }

    private static LoadReport Parse(string output)
    {
        var line = output.Split('\n').FirstOrDefault(line => line.StartsWith(SummaryMark, StringComparison.Ordinal))
            ?? throw new InvalidDataException($"wrk printed no summary:\n{output}");
        var figures = line[SummaryMark.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => double.Parse(pair[1], CultureInfo.InvariantCulture));
        return new LoadReport(
            (long)figures["requests"], figures["duration_us"] / 1e6, (long)figures["errors"],
            figures["p50_us"], figures["p99_us"], figures["cpu_s"]);
    }
}
