using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Iii.Bench.Processes;

namespace Iii.Bench.Scale;

/// <summary>
/// Registers at one engine and calls through another until that works, and the other way round. A function that is not known is answered at
/// once, so calling again and again measures to a fraction of a millisecond.
/// </summary>
internal sealed class SpreadRun(ServerKind kind, int rounds, string workFolder, TextWriter output)
{
    private const int Kills = 5;

    public async Task RunAsync(CancellationToken cancellation)
    {
        await using var near = await Server.StartAsync(kind, workFolder, cancellation, isProbed: false);
        await using var far = await Server.StartAsync(kind, workFolder, cancellation, isProbed: false);
        using var caller = await Client.ConnectAsync(far.Workers, cancellation);
        List<double> there = [];
        List<double> gone = [];
        for (var round = 0; round < rounds; round++)
        {
            var id = $"spread_{round}";
            using var worker = await Client.ConnectAsync(near.Workers, cancellation);
            var serving = worker.ServeAsync(cancellation);
            var started = Stopwatch.GetTimestamp();
            await worker.SendAsync($$"""{"type":"registerfunction","id":"{{id}}"}""", cancellation);
            there.Add(await UntilAsync(caller, id, isThere: true, started, cancellation));
            started = Stopwatch.GetTimestamp();
            await worker.CloseAsync(cancellation);
            gone.Add(await UntilAsync(caller, id, isThere: false, started, cancellation));
            await serving;
        }

        Write("callable at another engine after its registration", there);
        Write("gone there after its worker has closed", gone);
        List<double> killed = [];
        for (var kill = 0; kill < Kills; kill++)
        {
            var id = $"killed_{kill}";
            var victim = await Server.StartAsync(kind, workFolder, cancellation, isProbed: false);
            using var worker = await Client.ConnectAsync(victim.Workers, cancellation);
            var serving = worker.ServeAsync(cancellation);
            await worker.SendAsync($$"""{"type":"registerfunction","id":"{{id}}"}""", cancellation);
            await UntilAsync(caller, id, isThere: true, Stopwatch.GetTimestamp(), cancellation);
            var started = Stopwatch.GetTimestamp();
            using (var process = Process.GetProcessById(victim.ProcessId))
            {
                process.Kill();
            }

            killed.Add(await UntilAsync(caller, id, isThere: false, started, cancellation));
            await serving;
            await victim.DisposeAsync();
        }

        Write("gone there after its engine was killed", killed);
    }

    private static async Task<double> UntilAsync(Client caller, string id, bool isThere, long started, CancellationToken cancellation)
    {
        while (await caller.CallAsync(id, cancellation) != isThere)
        {
        }

        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private void Write(string what, List<double> milliseconds)
    {
        milliseconds.Sort();
        output.WriteLine(
            $"{what,-52} p50 {milliseconds[milliseconds.Count / 2],7:0.0} ms   p99 {milliseconds[Math.Min(milliseconds.Count - 1, milliseconds.Count * 99 / 100)],7:0.0} ms"
            + $"   max {milliseconds[^1],7:0.0} ms   n {milliseconds.Count}");
    }

    /// <summary>A worker's socket, one message at a time.</summary>
    private sealed class Client : IDisposable
    {
        private readonly ClientWebSocket _socket = new();
        private readonly byte[] _buffer = new byte[64 * 1024];

        public static async Task<Client> ConnectAsync(Uri url, CancellationToken cancellation)
        {
            var client = new Client();
            await client._socket.ConnectAsync(url, cancellation);
            return client;
        }

        public async Task SendAsync(string text, CancellationToken cancellation) =>
            await _socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, cancellation);

        public async Task CloseAsync(CancellationToken cancellation) =>
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancellation);

        /// <summary>Whether a call brought a result.</summary>
        public async Task<bool> CallAsync(string functionId, CancellationToken cancellation)
        {
            var id = Guid.NewGuid().ToString();
            await SendAsync($$"""{"type":"invokefunction","invocation_id":"{{id}}","function_id":"{{functionId}}","data":{} }""", cancellation);
            while (true)
            {
                using var message = await ReceiveAsync(cancellation)
                    ?? throw new InvalidOperationException("The engine closed the caller's connection.");
                if (message.RootElement.GetProperty("type").GetString() == "invocationresult"
                    && message.RootElement.GetProperty("invocation_id").GetString() == id)
                {
                    return message.RootElement.TryGetProperty("result", out _);
                }
            }
        }

        /// <summary>Answers every call until the connection ends.</summary>
        public async Task ServeAsync(CancellationToken cancellation)
        {
            try
            {
                while (await ReceiveAsync(cancellation) is { } message)
                {
                    using (message)
                    {
                        var call = message.RootElement;
                        if (call.GetProperty("type").GetString() == "invokefunction" && _socket.State == WebSocketState.Open)
                        {
                            await SendAsync(
                                $$"""{"type":"invocationresult","invocation_id":"{{call.GetProperty("invocation_id").GetString()}}","function_id":"x","result":1}""",
                                cancellation);
                        }
                    }
                }
            }
            catch (WebSocketException)
            {
                // The engine was killed, as the measurement wants it.
            }
        }

        public void Dispose() => _socket.Dispose();

        private async Task<JsonDocument?> ReceiveAsync(CancellationToken cancellation)
        {
            var length = 0;
            while (true)
            {
                var received = await _socket.ReceiveAsync(_buffer.AsMemory(length), cancellation);
                length += received.Count;
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }

                if (received.EndOfMessage)
                {
                    return JsonDocument.Parse(_buffer.AsMemory(0, length));
                }
            }
        }
    }
}
