namespace Iii.Bench.Loads;

/// <summary>What a load generator saw in one window, and the CPU time it took itself.</summary>
internal sealed record LoadReport(long Operations, double Seconds, long Errors, double P50Us, double P99Us, double CpuSeconds);
