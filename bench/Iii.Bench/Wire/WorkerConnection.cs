using System.Net.Sockets;

namespace Iii.Bench.Wire;

internal delegate void MessageHandler(ReadOnlySpan<byte> message);

/// <summary>
/// A worker's side of the socket, tuned: one large read takes many frames, and one coalescing sender loop writes
/// everything that was sent since its last write.
/// </summary>
internal sealed class WorkerConnection : IDisposable
{
    /// <summary>What a connection under load reads at once.</summary>
    public const int BusyReadBytes = 256 * 1024;

    private readonly Socket _socket;
    private readonly OutboundFrames _outbound = new();
    private readonly SemaphoreSlim _wake = new(0);
    private byte[] _inbound;
    private int _inboundLength;
    private int _waking;

    private WorkerConnection(Socket socket, ReadOnlyMemory<byte> firstBytes, int readBytes)
    {
        _socket = socket;
        _inbound = new byte[readBytes];
        firstBytes.CopyTo(_inbound);
        _inboundLength = firstBytes.Length;
    }

    public static async Task<WorkerConnection> ConnectAsync(Uri url, CancellationToken cancellation, int readBytes = BusyReadBytes)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(url.Host, url.Port, cancellation);
            return new WorkerConnection(socket, await Handshake.PerformAsync(socket, url, cancellation), readBytes);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Queues a message. Nothing is written before <see cref="Flush"/>.</summary>
    public void Send(ReadOnlySpan<byte> message) => _outbound.Append(Opcode.Text, message);

    /// <summary>Wakes the sender loop.</summary>
    public void Flush()
    {
        if (Interlocked.Exchange(ref _waking, 1) == 0)
        {
            _wake.Release();
        }
    }

    /// <summary>Says goodbye; the server answers it, which ends <see cref="RunAsync"/>.</summary>
    public void Close()
    {
        _outbound.Append(Opcode.Close, []);
        Flush();
    }

    /// <summary>Receives until the server closes; what a handler sent is flushed once per read.</summary>
    public async Task RunAsync(MessageHandler handler, CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var sender = SendLoopAsync(ended.Token);
        try
        {
            while (TakeFrames(handler))
            {
                Flush();
                var count = await _socket.ReceiveAsync(_inbound.AsMemory(_inboundLength), cancellation);
                if (count == 0)
                {
                    return;
                }

                _inboundLength += count;
            }
        }
        catch (Exception failure) when (failure is SocketException or OperationCanceledException)
        {
            // The server went away or this process stops: the connection simply ends.
        }
        finally
        {
            await ended.CancelAsync();
            await sender;
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _wake.Dispose();
    }

    private async Task SendLoopAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await _wake.WaitAsync(cancellation);
                Volatile.Write(ref _waking, 0);
                var frames = _outbound.TakeAll();
                while (!frames.IsEmpty)
                {
                    frames = frames[await _socket.SendAsync(frames, cancellation)..];
                }
            }
        }
        catch (Exception failure) when (failure is SocketException or OperationCanceledException)
        {
            // The receive loop sees the same end and reports it.
        }
    }

    /// <summary>Handles every whole frame and moves the rest to the front; false once the server closes.</summary>
    private bool TakeFrames(MessageHandler handler)
    {
        var at = 0;
        var open = true;
        while (open && Frame.TryRead(_inbound.AsSpan(at, _inboundLength - at), out var frame))
        {
            open = Take(frame, handler);
            at += frame.Size;
        }

        _inbound.AsSpan(at, _inboundLength - at).CopyTo(_inbound);
        _inboundLength -= at;
        if (_inboundLength == _inbound.Length)
        {
            Array.Resize(ref _inbound, _inbound.Length * 2);
        }

        return open;
    }

    private bool Take(in Frame frame, MessageHandler handler)
    {
        switch (frame.Opcode)
        {
            case Opcode.Text:
                handler(frame.Payload);
                return true;
            case Opcode.Ping:
                _outbound.Append(Opcode.Pong, frame.Payload);
                return true;
            case Opcode.Close:
                return false;
            default:
                return true;
        }
    }
}
