using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Iii.Testing;

/// <summary>One end of a channel, on a socket, as an SDK opens it.</summary>
public sealed class TestChannelEnd : IDisposable
{
    private readonly ClientWebSocket _socket;

    private TestChannelEnd(ClientWebSocket socket) => _socket = socket;

    public WebSocketCloseStatus? CloseStatus => _socket.CloseStatus;

    /// <summary>Makes a channel, and returns its two refs.</summary>
    public static async Task<(JsonElement Writer, JsonElement Reader)> CreateAsync(TestWorker worker, string input = "{}")
    {
        var refs = (await worker.CallAsync("engine::channels::create", input)).GetProperty("result");
        return (refs.GetProperty("writer"), refs.GetProperty("reader"));
    }

    /// <summary>The path and query under which an SDK looks for a ref.</summary>
    public static string PathOf(JsonElement channel) =>
        $"/ws/channels/{Uri.EscapeDataString(channel.GetProperty("channel_id").GetString()!)}"
        + $"?key={Uri.EscapeDataString(channel.GetProperty("access_key").GetString()!)}&dir={channel.GetProperty("direction").GetString()}";

    public static Task<TestChannelEnd> OpenAsync(int port, JsonElement channel, string address = "") =>
        OpenAsync(port, address + PathOf(channel));

    public static async Task<TestChannelEnd> OpenAsync(int port, string pathAndQuery)
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}{pathAndQuery}"), timeout.Token);
        return new TestChannelEnd(socket);
    }

    public Task WriteAsync(string text) => WriteAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text);

    public async Task WriteAsync(byte[] bytes, WebSocketMessageType type = WebSocketMessageType.Binary)
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        await _socket.SendAsync(bytes, type, endOfMessage: true, timeout.Token);
    }

    public async Task CloseAsync(WebSocketCloseStatus status = WebSocketCloseStatus.NormalClosure)
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        await _socket.CloseOutputAsync(status, null, timeout.Token);
    }

    /// <summary>Cuts the connection without a close frame.</summary>
    public void Abort() => _socket.Abort();

    /// <summary>The next message; null when the engine has closed.</summary>
    public async Task<(bool IsText, byte[] Bytes)?> ReadAsync()
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        var buffer = new byte[64 * 1024];
        using var message = new MemoryStream();
        while (true)
        {
            var received = await _socket.ReceiveAsync(buffer.AsMemory(), timeout.Token);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            message.Write(buffer, 0, received.Count);
            if (received.EndOfMessage)
            {
                return (received.MessageType == WebSocketMessageType.Text, message.ToArray());
            }
        }
    }

    /// <summary>All messages up to the end, as text, each with <c>t:</c> or <c>b:</c> before it.</summary>
    public async Task<string> ReadAllAsync()
    {
        var all = new List<string>();
        while (await ReadAsync() is { } message)
        {
            all.Add((message.IsText ? "t:" : "b:") + Encoding.UTF8.GetString(message.Bytes));
        }

        return string.Join(' ', all);
    }

    public void Dispose()
    {
        _socket.Abort();
        _socket.Dispose();
    }
}
