using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Iii.Sdk.Tests.Support;

/// <summary>
/// A server that speaks the engine's side by the book: it records what workers and telemetry sockets send, passes channel
/// messages on, and says what a test wants.
/// </summary>
internal sealed class FakeEngine : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<JsonElement> _messages = Channel.CreateUnbounded<JsonElement>();
    private readonly Channel<byte[]> _telemetry = Channel.CreateUnbounded<byte[]>();
    private readonly ConcurrentDictionary<string, Channel<(WebSocketMessageType Type, byte[] Data)>> _channels = new();
    private WebSocket? _worker;
    private int _connections;

    private FakeEngine(WebApplication app) => _app = app;

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single().Replace("http", "ws", StringComparison.Ordinal);

    /// <summary>What workers sent, in order.</summary>
    public ChannelReader<JsonElement> Messages => _messages.Reader;

    /// <summary>What telemetry sockets sent, in order.</summary>
    public ChannelReader<byte[]> Telemetry => _telemetry.Reader;

    public static async Task<FakeEngine> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var engine = new FakeEngine(app);
        app.UseWebSockets();
        app.Run(engine.HandleAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return engine;
    }

    /// <summary>Sends to the worker that connected last.</summary>
    public Task SayAsync(string message) =>
        _worker!.SendAsync(Encoding.UTF8.GetBytes(message), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);

    /// <summary>The next message that is no introduction.</summary>
    public async Task<JsonElement> NextAsync()
    {
        while (true)
        {
            var message = await Messages.ReadAsync(TestContext.Current.CancellationToken).Within();
            if (!message.TryGetProperty("function_id", out var function) || function.GetString() != "engine::workers::register")
            {
                return message;
            }
        }
    }

    /// <summary>Closes the worker's connection with a code.</summary>
    public Task CloseAsync(int code) =>
        _worker!.CloseOutputAsync((WebSocketCloseStatus)code, null, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var path = context.Request.Path.Value!;
        try
        {
            if (path.EndsWith("/otel", StringComparison.Ordinal))
            {
                await foreach (var (_, data) in ReceiveAsync(socket))
                {
                    _telemetry.Writer.TryWrite(data);
                }
            }
            else if (path.Contains("/ws/channels/", StringComparison.Ordinal))
            {
                await ChannelAsync(socket, path.Split('/')[^1], context.Request.Query["dir"] == "read");
            }
            else
            {
                await WorkerAsync(socket);
            }
        }
        catch (WebSocketException)
        {
            // The other side is gone.
        }
    }

    private async Task WorkerAsync(WebSocket socket)
    {
        _worker = socket;
        var number = Interlocked.Increment(ref _connections);
        await SayAsync($$"""{"type":"workerregistered","worker_id":"w{{number}}","reattach_token":"t{{number}}"}""");
        await foreach (var (_, data) in ReceiveAsync(socket))
        {
            using var document = JsonDocument.Parse(data);
            var message = document.RootElement.Clone();
            if (message.TryGetProperty("function_id", out var function) && function.GetString() == "engine::channels::create")
            {
                var end = """{"channel_id":"c1","access_key":"k 1","direction":""";
                await SayAsync($$$"""
                    {"type":"invocationresult","invocation_id":"{{{message.GetProperty("invocation_id").GetString()}}}",
                     "result":{"writer":{{{end}}}"write"},"reader":{{{end}}}"read"} } }
                    """);
            }

            _messages.Writer.TryWrite(message);
        }

        if (socket.State == WebSocketState.CloseReceived)
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        }
    }

    private async Task ChannelAsync(WebSocket socket, string id, bool isReader)
    {
        var queue = _channels.GetOrAdd(id, static _ => Channel.CreateBounded<(WebSocketMessageType, byte[])>(64));
        if (isReader)
        {
            await foreach (var (type, data) in queue.Reader.ReadAllAsync())
            {
                await socket.SendAsync(data, type, true, CancellationToken.None);
            }

            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
            return;
        }

        await foreach (var message in ReceiveAsync(socket))
        {
            await queue.Writer.WriteAsync(message);
        }

        queue.Writer.TryComplete();
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    private static async IAsyncEnumerable<(WebSocketMessageType Type, byte[] Data)> ReceiveAsync(WebSocket socket)
    {
        var buffer = new byte[1024 * 1024];
        var length = 0;
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                yield break;
            }

            length += received.Count;
            if (received.EndOfMessage)
            {
                yield return (received.MessageType, buffer[..length]);
                length = 0;
            }
        }
    }
}
