using System.Diagnostics;
using System.Globalization;
using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>A running <see cref="Victim"/>, and what it has said.</summary>
internal sealed class VictimProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task _reading;

    public VictimProcess(string folder, QueueOrdering ordering)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Victim.Command, folder, $"{ordering}"]) { RedirectStandardOutput = true };
        _process = Process.Start(start)!;
        _reading = ReadAsync();
    }

    public int Id => _process.Id;

    public Recorder<bool> Opened { get; } = new();

    /// <summary>The numbers whose receipts came.</summary>
    public Recorder<long> Enqueued { get; } = new();

    /// <summary>The attempts that began.</summary>
    public Recorder<(long Number, int Attempt)> Handled { get; } = new();

    /// <summary>Kills it where it stands, and hears out what it has said.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await Eventually.CompletesAsync("the victim is gone", Task.WhenAll(_reading, _process.WaitForExitAsync(TestContext.Current.CancellationToken)));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            switch (line.Split(' '))
            {
                case ["open"]:
                    Opened.Add(true);
                    break;
                case ["e", var number]:
                    Enqueued.Add(long.Parse(number, CultureInfo.InvariantCulture));
                    break;
                case ["h", var number, var attempt]:
                    Handled.Add((long.Parse(number, CultureInfo.InvariantCulture), int.Parse(attempt, CultureInfo.InvariantCulture)));
                    break;
            }
        }
    }
}
