using Iii.Bench.Results;

namespace Iii.Bench.Brokers;

/// <summary>Compares two on the same broker, an adapter with the broker's own client for example, in pairs of windows.</summary>
internal sealed class BrokerSuite(BrokerSide subject, BrokerSide raw, int pairs, TimeSpan window, TextWriter output)
{
    private const int FailedOperations = 1;
    private const int MaxUnderWay = 10_000;

    private double _lastRate;

    /// <summary>Measures and prints a cell for each number of operations under way; the exit code.</summary>
    public async Task<int> RunAsync(string cell, int[] inFlights, CancellationToken cancellation)
    {
        var isGood = true;
        foreach (var inFlight in inFlights)
        {
            isGood &= await RunOneAsync($"{cell}/n{inFlight}", inFlight, cancellation);
        }

        return isGood ? 0 : FailedOperations;
    }

    /// <summary>Measures and prints what the subject does at a rate; 0 for half of what it did in the last cell.</summary>
    public async Task<int> RunAtAsync(string cell, int rate, CancellationToken cancellation)
    {
        rate = rate > 0 ? rate : (int)(_lastRate / 2);
        var windows = new List<BrokerWindow>();
        for (var i = 0; i < pairs; i++)
        {
            windows.Add(await subject.RunAsync(MaxUnderWay, window, cancellation, rate));
        }

        Write($"{cell}/{rate} per s", subject.Name, windows, "");
        return windows.All(static each => each.Errors == 0) ? 0 : FailedOperations;
    }

    private async Task<bool> RunOneAsync(string cell, int inFlight, CancellationToken cancellation)
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
        _lastRate = Median.Of(subjects.Select(static each => each.Rate));
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
