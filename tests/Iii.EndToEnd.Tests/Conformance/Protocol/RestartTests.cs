using System.Net.WebSockets;
using System.Threading.Channels;
using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>The engine goes and comes back, and so does a client that takes some close codes for its own good-bye.</summary>
public class RestartTests
{
    private static readonly WebSocketCloseStatus?[] s_goodByes =
        [WebSocketCloseStatus.NormalClosure, WebSocketCloseStatus.EndpointUnavailable, WebSocketCloseStatus.Empty];

    [Theory]
    [Trait("spec", "protocol 11.9")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Client_that_reconnects_only_after_an_abnormal_end_comes_back(bool killed)
    {
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());
        var closes = new List<WebSocketCloseStatus?>();
        using var stop = new CancellationTokenSource();
        Task serving;
        await using (var first = await EngineProcess.StartAsync(workerPort, httpPort))
        {
            serving = ServeLikePythonAsync(workerPort, closes, stop.Token);
            await AnsweredAsync(workerPort);
            if (killed)
            {
                first.Kill();
            }
            else
            {
                first.Terminate();
            }

            await first.WaitForExitAsync();
        }

        await using var second = await EngineProcess.StartAsync(workerPort, httpPort);
        await AnsweredAsync(workerPort);
        Assert.Equal([killed ? null : (WebSocketCloseStatus)1012], closes);
        await stop.CancelAsync();
        second.Kill();
        await serving;
    }

    /// <summary>Connects and serves, again and again, until a connection ends as if the client had wanted it.</summary>
    private static async Task ServeLikePythonAsync(int port, List<WebSocketCloseStatus?> closes, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var worker = await TestWorker.ConnectAsync(port);
                await worker.RegisterAsync("f");
                await AnswerAllAsync(worker);
                closes.Add(worker.CloseStatus);
                if (s_goodByes.Contains(worker.CloseStatus))
                {
                    return;
                }
            }
            catch (Exception e) when (e is WebSocketException or ChannelClosedException)
            {
                // Nobody listens.
                await Task.Delay(TimeSpan.FromMilliseconds(20), CancellationToken.None);
            }
        }
    }

    private static async Task AnswerAllAsync(TestWorker worker)
    {
        try
        {
            while (true)
            {
                await worker.AnswerAsync(await worker.NextCallAsync("f"));
            }
        }
        catch (Exception e) when (e is WebSocketException or ChannelClosedException)
        {
            // The connection has ended.
        }
    }

    private static async Task AnsweredAsync(int port)
    {
        await using var caller = await TestWorker.ConnectAsync(port);
        await Eventually.TrueAsync("the function answers", async () => (await caller.CallAsync("f")).TryGetProperty("result", out _));
    }
}
