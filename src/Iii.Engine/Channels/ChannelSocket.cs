using System.Net.WebSockets;

namespace Iii.Engine.Channels;

/// <summary>A worker's WebSocket at one end of a channel.</summary>
/// <param name="Socket">The socket.</param>
/// <param name="Abort">Cuts it.</param>
internal sealed record ChannelSocket(WebSocket Socket, Action Abort)
{
    /// <summary>How long a peer may take to answer the close handshake.</summary>
    public static readonly TimeSpan CloseGrace = TimeSpan.FromSeconds(2);

    /// <summary>Whether an exception only says that the socket is gone.</summary>
    public static bool IsLoss(Exception e) =>
        e is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    /// <summary>Sends a close frame and waits until the peer's has come; a peer that takes too long is cut.</summary>
    /// <param name="status">The code.</param>
    /// <param name="reason">The reason, for people.</param>
    /// <param name="receiving">The loop that receives: it ends when the peer's close frame has come, or the socket is cut.</param>
    public async Task CloseAsync(WebSocketCloseStatus status, string? reason, Task receiving)
    {
        using var grace = new CancellationTokenSource(CloseGrace);
        await using var registration = grace.Token.Register(Abort);
        try
        {
            if (Socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await Socket.CloseOutputAsync(status, reason, CancellationToken.None);
            }
        }
        catch (Exception e) when (IsLoss(e))
        {
            Abort();
        }

        await receiving;
    }

    /// <summary>Receives and forgets until the peer closes or is lost. Pings are answered meanwhile.</summary>
    public async Task DiscardAsync()
    {
        var buffer = new byte[256];
        try
        {
            while ((await Socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception e) when (IsLoss(e))
        {
            // Gone without a close frame: the same as a close.
        }
    }
}
