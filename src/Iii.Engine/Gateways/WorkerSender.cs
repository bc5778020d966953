using System.Net.WebSockets;

namespace Iii.Engine.Gateways;

/// <summary>The send loop of one connection: everything that waits goes out one after another, and Kestrel coalesces it.</summary>
internal static class WorkerSender
{
    /// <summary>Runs until the queue is closed and empty, then sends the close code, if there is one.</summary>
    public static async Task RunAsync(WorkerConnection connection)
    {
        var frames = connection.Outbound.Frames;
        try
        {
            while (await frames.WaitToReadAsync())
            {
                while (frames.TryRead(out var frame))
                {
                    try
                    {
                        // No token: a socket that must end is cut, and sending without one is the framework's fast path.
                        await connection.Socket.SendAsync(
                            frame.Memory, WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
                    }
                    finally
                    {
                        connection.Outbound.Sent(frame);
                        frame.Return();
                    }
                }
            }

            if (connection.CloseStatus is { } status)
            {
                await connection.Socket.CloseOutputAsync(status, connection.CloseReason, CancellationToken.None);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The socket is gone, and the receive loop sees the same: it cleans up. What is still queued is lost.
            connection.Abort();
            while (frames.TryRead(out var frame))
            {
                connection.Outbound.Sent(frame);
                frame.Return();
            }
        }
    }
}
