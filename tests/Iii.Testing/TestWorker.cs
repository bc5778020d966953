using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace Iii.Testing;

/// <summary>A worker that speaks the protocol by hand, one JSON text at a time.</summary>
public sealed class TestWorker : IAsyncDisposable
{
    /// <summary>How long a message that must come may take; reached only when a test fails.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ClientWebSocket _socket;
    private readonly Channel<JsonElement> _received = Channel.CreateUnbounded<JsonElement>();
    private readonly List<JsonElement> _skipped = [];
    private readonly Task _receiving;

    private TestWorker(ClientWebSocket socket)
    {
        _socket = socket;
        _receiving = ReceiveAllAsync();
    }

    public string WorkerId { get; private set; } = "";

    public string? ReattachToken { get; private set; }

    /// <summary>The raw text of the last message taken.</summary>
    public string LastText { get; private set; } = "";

    public WebSocketCloseStatus? CloseStatus => _socket.CloseStatus;

    public static async Task<TestWorker> ConnectAsync(int port, string path = "/")
    {
        using var timeout = new CancellationTokenSource(Patience);
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}{path}"), timeout.Token);
        var worker = new TestWorker(socket);
        var hello = await worker.NextAsync("workerregistered");
        worker.WorkerId = hello.GetProperty("worker_id").GetString()!;
        worker.ReattachToken = hello.TryGetProperty("reattach_token", out var token) ? token.GetString() : null;
        return worker;
    }

    public Task SendAsync(string text, WebSocketMessageType type = WebSocketMessageType.Text) => SendAsync(Encoding.UTF8.GetBytes(text), type);

    public async Task SendAsync(byte[] bytes, WebSocketMessageType type)
    {
        using var timeout = new CancellationTokenSource(Patience);
        await _socket.SendAsync(bytes, type, endOfMessage: true, timeout.Token);
    }

    /// <summary>The next message, which must be of that type.</summary>
    public async Task<JsonElement> NextAsync(string type)
    {
        var message = await NextAsync();
        Assert.Equal(type, message.GetProperty("type").GetString());
        return message;
    }

    /// <summary>The next message that fits; others are put aside.</summary>
    public async Task<JsonElement> NextAsync(Func<JsonElement, bool> fits)
    {
        while (true)
        {
            var message = await NextAsync();
            if (fits(message))
            {
                return message;
            }

            _skipped.Add(message);
        }
    }

    /// <summary>Waits for the next call of a function of this worker.</summary>
    public Task<JsonElement> NextCallAsync(string functionId) => NextAsync(message =>
        message.GetProperty("type").GetString() == "invokefunction" && message.GetProperty("function_id").GetString() == functionId);

    /// <summary>Calls a function and waits for the answer.</summary>
    public async Task<JsonElement> CallAsync(string functionId, string data = "{}")
    {
        var id = Guid.NewGuid().ToString();
        await SendCallAsync(id, functionId, data);
        return await ResultAsync(id);
    }

    /// <summary>Sends a call, with <paramref name="members"/> (each led by a comma) behind the usual ones.</summary>
    public Task SendCallAsync(object invocationId, string functionId, string data = "{}", string members = "") => SendAsync(
        $$"""{"type":"invokefunction","invocation_id":"{{invocationId}}","function_id":"{{functionId}}","data":{{data}}{{members}} }""");

    public Task<JsonElement> ResultAsync(string invocationId) => NextAsync(message =>
        message.GetProperty("type").GetString() == "invocationresult" && message.GetProperty("invocation_id").GetString() == invocationId);

    public Task RegisterAsync(string functionId) => SendAsync($$"""{"type":"registerfunction","id":"{{functionId}}"}""");

    public Task AnswerAsync(JsonElement call, string members = """ "result":{"ok":true} """) => SendAsync(
        $$"""{"type":"invocationresult","invocation_id":"{{call.GetProperty("invocation_id").GetString()}}","function_id":"{{call.GetProperty("function_id").GetString()}}",{{members}}}""");

    /// <summary>
    /// Waits until all that was sent before has been worked through, and says what came meanwhile: so a test can assert that
    /// nothing did, without waiting for luck.
    /// </summary>
    public async Task<IReadOnlyList<JsonElement>> BarrierAsync()
    {
        // A call with an id of its own: a pong could be the answer to an earlier ping.
        await CallAsync("barrier::no_such_function");
        var skipped = _skipped.ToArray();
        _skipped.Clear();
        return skipped;
    }

    /// <summary>Closes like a client that goes, and waits until the engine has answered.</summary>
    public async Task CloseAsync()
    {
        using var timeout = new CancellationTokenSource(Patience);
        await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, timeout.Token);
        await _receiving.WaitAsync(timeout.Token);
    }

    /// <summary>Cuts the connection without a close frame.</summary>
    public void Abort() => _socket.Abort();

    /// <summary>Waits until the engine has ended the connection.</summary>
    public Task EndAsync() => _receiving.WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _receiving;
        _socket.Dispose();
    }

    private async Task<JsonElement> NextAsync()
    {
        using var timeout = new CancellationTokenSource(Patience);
        var message = await _received.Reader.ReadAsync(timeout.Token);
        LastText = message.GetRawText();
        return message;
    }

    private async Task ReceiveAllAsync()
    {
        var buffer = new byte[64 * 1024];
        var text = new MemoryStream();
        try
        {
            while (true)
            {
                var received = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                Assert.Equal(WebSocketMessageType.Text, received.MessageType);
                text.Write(buffer, 0, received.Count);
                if (received.EndOfMessage)
                {
                    using var document = JsonDocument.Parse(text.ToArray(), new JsonDocumentOptions { MaxDepth = 1024 });
                    _received.Writer.TryWrite(document.RootElement.Clone());
                    text.SetLength(0);
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Cut, by either side.
        }
        finally
        {
            _received.Writer.TryComplete();
        }
    }
}
