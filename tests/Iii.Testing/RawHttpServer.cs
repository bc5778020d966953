using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Iii.Testing;

/// <summary>
/// A server that reads once from each connection, as much as 8 KiB, and then answers with given bytes: what is not in the first
/// segment it never sees.
/// </summary>
public sealed class RawHttpServer : IAsyncDisposable
{
    private const int ReadSize = 8 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<string> _requests = Channel.CreateUnbounded<string>();
    private readonly Func<Task<byte[]>> _answer;
    private readonly Task _accepting;

    private RawHttpServer(Func<Task<byte[]>> answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Url => $"http://127.0.0.1:{Port}/webhook";

    /// <summary>Answers with these bytes.</summary>
    public static RawHttpServer Answering(string response) => AnsweringBytes(Encoding.UTF8.GetBytes(response));

    /// <inheritdoc cref="Answering(string)"/>
    public static RawHttpServer AnsweringBytes(byte[] response) => AnsweringLater(Task.FromResult(response));

    /// <summary>Answers with these bytes, once they are there.</summary>
    public static RawHttpServer AnsweringLater(Task<byte[]> response) => new(() => response);

    /// <summary>Answers with a status, the length of the body, and the body.</summary>
    public static RawHttpServer Answering(string status, string body) => Answering(Response(status, body));

    /// <summary>Takes requests, and never answers.</summary>
    public static RawHttpServer Silent() => new(static () => new TaskCompletionSource<byte[]>().Task);

    public static string Response(string status, string body, string headers = "") =>
        $"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{headers}Connection: close\r\n\r\n{body}";

    /// <summary>The next request, as it was in the one read.</summary>
    public async Task<RawHttpRequest> NextAsync()
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        return RawHttpRequest.Parse(await _requests.Reader.ReadAsync(timeout.Token));
    }

    /// <summary>How many requests came that nobody asked for.</summary>
    public int Waiting => _requests.Reader.Count;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var buffer = new byte[ReadSize];
                var count = await client.GetStream().ReadAsync(buffer, _stop.Token);
                _requests.Writer.TryWrite(Encoding.UTF8.GetString(buffer, 0, count));
                await client.GetStream().WriteAsync(await _answer().WaitAsync(_stop.Token), _stop.Token);

                // What is closed while something is unread resets the connection, which may take the answer with it.
                client.Client.Shutdown(SocketShutdown.Send);
                while (await client.GetStream().ReadAsync(buffer, _stop.Token) > 0)
                {
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
            {
                // The client has gone, or the test is over.
            }
        }
    }
}
