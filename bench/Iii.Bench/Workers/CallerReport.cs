namespace Iii.Bench.Workers;

/// <summary>What a caller measured in one window. Latencies in microseconds.</summary>
internal sealed record CallerReport(int Calls, double Seconds, int Errors, double P50Us, double P99Us);
