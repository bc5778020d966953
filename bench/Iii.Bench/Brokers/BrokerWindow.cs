namespace Iii.Bench.Brokers;

/// <summary>The figures of one window. CPU is per operation: of the side's own processes, and of the whole machine with the broker.</summary>
internal sealed record BrokerWindow(double Rate, long Errors, double P50Us, double P99Us, double ClientCpuUs, double MachineCpuUs);
