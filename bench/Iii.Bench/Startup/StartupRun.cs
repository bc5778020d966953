using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Iii.Bench.Machine;
using Iii.Bench.Processes;

namespace Iii.Bench.Startup;

/// <summary>One start of a binary: how long until each port answers, and the memory it then holds idle.</summary>
internal sealed record StartupRun(double HttpMs, double WorkerPortMs, double IdleMiB)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1.5);

    public static async Task<StartupRun> MeasureAsync(string binary, string workFolder, CancellationToken cancellation)
    {
        var (httpPort, workerPort) = (ListeningPorts.Free(), ListeningPorts.Free());
        var launch = Programs.Engine(binary, EngineConfig.Write(workFolder, httpPort, workerPort), probe: null);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);

        var start = Stopwatch.GetTimestamp();
        await using var engine = ChildProcess.Start(launch, workFolder);
        try
        {
            var http = AnswersAsync(httpPort, start, patience.Token);
            var worker = AnswersAsync(workerPort, start, patience.Token);
            var (httpMs, workerPortMs) = (await http, await worker);
            ListeningPorts.RequireOwner(httpPort, engine.Id);
            await Task.Delay(Idle, cancellation);
            return new StartupRun(httpMs, workerPortMs, ProcFile.ResidentMiB(engine.Id));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            engine.RequireAlive();
            throw new TimeoutException($"The engine did not answer within {Patience.TotalSeconds:0} s:\n{engine.LogTail()}");
        }
    }

    /// <summary>The time until a port answers an HTTP request, whatever the status.</summary>
    private static async Task<double> AnswersAsync(int port, long start, CancellationToken cancellation)
    {
        var answer = new byte[256];
        while (true)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(IPAddress.Loopback, port, cancellation);
                await socket.SendAsync("GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray(), cancellation);
                var count = await socket.ReceiveAsync(answer, cancellation);
                if (answer.AsSpan(0, count).StartsWith("HTTP/1.1 "u8))
                {
                    return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                }
            }
            catch (SocketException)
            {
                // Not listening yet.
            }

            await Task.Delay(1, cancellation);
        }
    }
}
