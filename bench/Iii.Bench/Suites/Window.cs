using Iii.Bench.Loads;
using Iii.Bench.Machine;

namespace Iii.Bench.Suites;

/// <summary>The figures of one window of one side. CPU and allocation are per operation.</summary>
internal sealed record Window(
    double Rate,
    long Errors,
    double P50Us,
    double P99Us,
    double ServerCpuUs,
    double WorkerCpuUs,
    double ClientCpuUs,
    double? AllocatedBytes,
    double ForeignCores)
{
    /// <summary>Runs a load against one side. The other side should idle; what it takes is ours, not foreign.</summary>
    public static async Task<Window> MeasureAsync(Side side, Side other, ILoad load, CancellationToken cancellation)
    {
        var allocated = side.Server.AllocatedBytes();
        var before = Clocks.Read(side, other);
        var report = await load.RunAsync(cancellation);
        var taken = Clocks.Read(side, other) - before;
        var allocatedBytes = side.Server.AllocatedBytes() - allocated;

        var operations = Math.Max(report.Operations, 1);
        var loadIsChild = load is WrkLoad ? report.CpuSeconds : 0;
        return new Window(
            report.Operations / report.Seconds,
            report.Errors + (report.Operations == 0 ? 1 : 0),
            report.P50Us,
            report.P99Us,
            taken.Server * 1e6 / operations,
            taken.Worker * 1e6 / operations,
            report.CpuSeconds * 1e6 / operations,
            (double?)allocatedBytes / operations,
            Math.Max(0, taken.Machine - taken.Ours - loadIsChild) / report.Seconds);
    }

    /// <summary>CPU clocks in seconds, read together.</summary>
    private readonly record struct Clocks(double Server, double Worker, double Ours, double Machine)
    {
        public static Clocks Read(Side side, Side other) => new(
            side.ServerCpuSeconds(),
            side.WorkerCpuSeconds(),
            side.AllCpuSeconds() + other.AllCpuSeconds() + ProcFile.CpuSeconds(Environment.ProcessId),
            ProcFile.MachineCpuSeconds());

        public static Clocks operator -(Clocks after, Clocks before) => new(
            after.Server - before.Server, after.Worker - before.Worker, after.Ours - before.Ours, after.Machine - before.Machine);
    }
}
