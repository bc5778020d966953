using System.Text.Json;
using Iii.Bench.Machine;
using Iii.Bench.Processes;
using Iii.Bench.Workers;

namespace Iii.Bench.Loads;

/// <summary>Worker-to-worker load: asks a running caller process for one window.</summary>
internal sealed class CallerLoad(ChildProcess caller, int inFlight, TimeSpan duration, int rate = 0) : ILoad
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public async Task<LoadReport> RunAsync(CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(duration + Grace);
        var before = ProcFile.CpuSeconds(caller.Id);
        await caller.Input.WriteLineAsync($"{inFlight} {duration.TotalMilliseconds:0}{(rate > 0 ? $" {rate}" : "")}".AsMemory(), patience.Token);
        await caller.Input.FlushAsync(patience.Token);
        var line = await ReadLineAsync(patience.Token, cancellation);
        var report = JsonSerializer.Deserialize<CallerReport>(line)!;
        var cpu = ProcFile.CpuSeconds(caller.Id) - before;
        return new LoadReport(report.Calls, report.Seconds, report.Errors, report.P50Us, report.P99Us, cpu);
    }

    private async Task<string> ReadLineAsync(CancellationToken patience, CancellationToken cancellation)
    {
        try
        {
            if (await caller.Output.ReadLineAsync(patience) is { } line)
            {
                return line;
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException("The caller's window did not end: some call was never answered.");
        }

        caller.RequireAlive();
        throw new InvalidDataException($"The caller closed its output:\n{caller.LogTail()}");
    }
}
