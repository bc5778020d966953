using System.Net.WebSockets;
using Iii.Engine.Gateways;

namespace Iii.Engine.Channels;

/// <summary>
/// The reading end of a channel on a socket: what is written goes out in order, then a close frame. The socket is received from
/// all the while, so that pings are answered and a reader that leaves is noticed at once.
/// </summary>
internal static class ChannelReaderSocket
{
    public static async Task RunAsync(ChannelSocket socket, MessageChannel channel)
    {
        var receiving = socket.DiscardAsync();
        var sending = SendAsync(socket, channel);
        if (await Task.WhenAny(sending, receiving) == receiving)
        {
            channel.CloseReader();
            if (socket.Socket.State != WebSocketState.CloseReceived)
            {
                socket.Abort();
            }
        }

        var ending = channel.Ending;
        channel.CloseReader();
        await (ending == ChannelEnding.Lost
            ? socket.CloseAsync(CloseCodes.InternalError, "the writer was lost: this is not all of it", receiving)
            : socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, receiving));
        await sending;
    }

    private static async Task SendAsync(ChannelSocket socket, MessageChannel channel)
    {
        try
        {
            while (await channel.WaitToReadAsync())
            {
                while (channel.TryRead(out var message))
                {
                    try
                    {
                        await socket.Socket.SendAsync(
                            message.Memory,
                            message.IsText ? WebSocketMessageType.Text : WebSocketMessageType.Binary,
                            endOfMessage: true,
                            CancellationToken.None);
                    }
                    finally
                    {
                        message.Return();
                    }
                }
            }
        }
        catch (Exception e) when (ChannelSocket.IsLoss(e))
        {
            socket.Abort();
        }
    }
}
