using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Workers;

/// <summary>A worker without an SDK, for what no SDK does: it answers every call with its own name, and dies as it is told to.</summary>
internal sealed class RawWorker : IAsyncDisposable
{
    private readonly string _name;
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly TaskCompletionSource<string> _workerId = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<JsonElement>> _calls = new();
    private Task _receiving = Task.CompletedTask;

    private RawWorker(string name) => _name = name;

    /// <summary>The id that the engine gave to this connection.</summary>
    public Task<string> WorkerIdAsync() => Eventually.EndsAsync("the engine greets the worker", _workerId.Task);

    public static Task<RawWorker> ConnectAsync(EngineProcess engine, string name) => ConnectAsync(engine.WorkerUrl, name);

    public static async Task<RawWorker> ConnectAsync(string url, string name)
    {
        var worker = new RawWorker(name);
        await worker._socket.ConnectAsync(new Uri(url), TestContext.Current.CancellationToken);
        worker._receiving = worker.ReceiveAsync();
        return worker;
    }

    /// <summary>Sends one message.</summary>
    public async Task SendAsync(string json)
    {
        await _sending.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            await _socket.SendAsync(
                Encoding.UTF8.GetBytes(json), WebSocketMessageType.Text, endOfMessage: true, TestContext.Current.CancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Calls a function and returns the whole answer.</summary>
    public async Task<JsonElement> CallAsync(string functionId, string data = "{}")
    {
        var id = Guid.NewGuid().ToString();
        var answer = _calls.GetOrAdd(id, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        await SendAsync($$"""{"type":"invokefunction","invocation_id":"{{id}}","function_id":"{{functionId}}","data":{{data}}}""");
        return await Eventually.EndsAsync($"the call of {functionId} is answered", answer.Task);
    }

    /// <summary>Closes the connection as a client should.</summary>
    public Task CloseAsync() =>
        _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);

    /// <summary>Drops the connection without a word.</summary>
    public void Abort() => _socket.Abort();

    /// <summary>Waits for the engine to close the connection.</summary>
    /// <returns>The close code; null when the connection just broke.</returns>
    public async Task<int?> WaitForCloseAsync()
    {
        await Eventually.EndsAsync("the engine closes the socket", _receiving);
        return (int?)_socket.CloseStatus;
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _receiving;
        _socket.Dispose();
        _sending.Dispose();
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[64 * 1024];
        try
        {
            using var message = new MemoryStream();
            while (await _socket.ReceiveAsync(buffer, CancellationToken.None) is { MessageType: not WebSocketMessageType.Close } part)
            {
                message.Write(buffer, 0, part.Count);
                if (part.EndOfMessage)
                {
                    var frame = JsonElement.Parse(message.ToArray());
                    message.SetLength(0);
                    await TakeAsync(frame);
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The connection is gone; the close code, or its absence, tells how.
        }
    }

    private async Task TakeAsync(JsonElement frame)
    {
        switch (frame.GetProperty("type").GetString())
        {
            case "workerregistered":
                _workerId.TrySetResult(frame.GetProperty("worker_id").GetString()!);
                break;
            case "invokefunction" when frame.TryGetProperty("invocation_id", out var id):
                var functionId = frame.GetProperty("function_id").GetString();
                await SendAsync(
                    $$"""{"type":"invocationresult","invocation_id":"{{id}}","function_id":"{{functionId}}","result":{"served_by":"{{_name}}" } }""");
                break;
            case "invocationresult":
                if (_calls.TryRemove(frame.GetProperty("invocation_id").GetString()!, out var call))
                {
                    call.SetResult(frame);
                }

                break;
        }
    }
}
