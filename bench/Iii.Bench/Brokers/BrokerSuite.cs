using Iii.Bench.Results;

namespace Iii.Bench.Brokers;

/// <summary>Compares an adapter with the broker's own client on the same broker, in pairs of windows.</summary>
internal sealed class BrokerSuite(BrokerSide subject, BrokerSide raw, int pairs, TimeSpan window, TextWriter output)
{
    /// <summary>Measures and prints one cell; whether nothing failed.</summary>
    public async Task<bool> RunAsync(string cell, int inFlight, CancellationToken cancellation)
    {
        foreach (var side in new[] { subject, raw })
        {
            await side.RunAsync(inFlight, window, cancellation);
        }

        var (subjects, raws) = (new List<BrokerWindow>(), new List<BrokerWindow>());
        for (var pair = 0; pair < pairs; pair++)
        {
            var order = pair % 2 == 0 ? new[] { (subject, subjects), (raw, raws) } : [(raw, raws), (subject, subjects)];
            foreach (var (side, windows) in order)
            {
                windows.Add(await side.RunAsync(inFlight, window, cancellation));
            }
        }

        var ratios = subjects.Zip(raws, static (left, right) => left.Rate / right.Rate).ToList();
        Write(cell, subject.Name, subjects, $"{Median.Of(ratios):0.00} [{ratios.Min():0.00}-{ratios.Max():0.00}]");
        Write("", raw.Name, raws, "");
        return subjects.Concat(raws).All(static each => each.Errors == 0);
    }

    public void WriteHead() => output.WriteLine(
        $"{"cell",-18} {"side",-14} {"op/s",9} {"ratio",-18} {"p50 us",8} {"p99 us",8} {"CPU us/op: clients",19} {"machine",8} {"errors",7}");

    private void Write(string cell, string side, List<BrokerWindow> windows, string ratio)
    {
        double Of(Func<BrokerWindow, double> figure) => Median.Of(windows.Select(figure));
        output.WriteLine(
            $"{cell,-18} {side,-14} {Of(static w => w.Rate),9:0} {ratio,-18} {Of(static w => w.P50Us),8:0} {Of(static w => w.P99Us),8:0} "
            + $"{Of(static w => w.ClientCpuUs),19:0.0} {Of(static w => w.MachineCpuUs),8:0.0} {windows.Sum(static w => w.Errors),7}");
    }
}
