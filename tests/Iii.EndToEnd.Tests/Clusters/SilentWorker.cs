using System.Net.WebSockets;
using System.Text;

namespace Iii.EndToEnd.Tests.Clusters;

/// <summary>A worker that takes calls of one function and never answers.</summary>
internal sealed class SilentWorker : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private Task _receiving = Task.CompletedTask;
    private int _calls;

    public static async Task<SilentWorker> ConnectAsync(string url, string functionId)
    {
        var worker = new SilentWorker();
        await worker._socket.ConnectAsync(new Uri(url), TestContext.Current.CancellationToken);
        await worker._socket.SendAsync(
            Encoding.UTF8.GetBytes($$"""{"type":"registerfunction","id":"{{functionId}}"}"""),
            WebSocketMessageType.Text,
            endOfMessage: true,
            TestContext.Current.CancellationToken);
        worker._receiving = worker.ReceiveAsync();
        return worker;
    }

    /// <summary>Waits until so many calls are under way here.</summary>
    public Task WaitForCallsAsync(int count) => Eventually.TrueAsync($"{count} calls are under way", () => Volatile.Read(ref _calls) >= count);

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _receiving;
        _socket.Dispose();
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await _socket.ReceiveAsync(buffer, CancellationToken.None) is { MessageType: not WebSocketMessageType.Close } part)
            {
                if (part.EndOfMessage && buffer.AsSpan(0, part.Count).IndexOf("invokefunction"u8) >= 0)
                {
                    Interlocked.Increment(ref _calls);
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The engine is gone, as the test wants it.
        }
    }
}
