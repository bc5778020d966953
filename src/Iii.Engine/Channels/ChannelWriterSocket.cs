using System.Buffers;
using System.Net.WebSockets;
using Iii.Engine.Gateways;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Channels;

/// <summary>
/// The writing end of a channel on a socket. While the channel is full the socket is not received from: TCP then makes the
/// writer wait.
/// </summary>
internal sealed class ChannelWriterSocket(ChannelSocket socket, MessageChannel channel, int maxMessageBytes, ILogger logger)
{
    /// <summary>The buffer while nothing comes, in bytes.</summary>
    private const int IdleBufferSize = 4096;

    /// <summary>The largest buffer that is made ready for a message before it has come: SDKs send pieces of this size.</summary>
    private const int UsualPieceSize = 64 * 1024;

    private bool _isTooBig;

    public async Task RunAsync()
    {
        var receiving = ReceiveAsync();
        await Task.WhenAny(receiving, channel.ReaderGone);
        if (_isTooBig)
        {
            logger.MessageTooBig(channel.Id, maxMessageBytes);
            await socket.CloseAsync(
                CloseCodes.MessageTooBig, $"a message may have at most {maxMessageBytes} bytes", socket.DiscardAsync());
        }
        else if (!receiving.IsCompleted)
        {
            await socket.CloseAsync(WebSocketCloseStatus.EndpointUnavailable, "the reader has gone", receiving);
        }
        else if (socket.Socket.State == WebSocketState.CloseReceived)
        {
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, receiving);
        }

        if (channel.Ending == ChannelEnding.Lost)
        {
            logger.WriterLost(channel.Id);
        }
    }

    /// <summary>Runs until the writer closes, is lost, or says too much at once; then the channel's writing has ended.</summary>
    private async Task ReceiveAsync()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(IdleBufferSize);
        var length = 0;
        var ending = ChannelEnding.Lost;
        try
        {
            while (true)
            {
                var received = await socket.Socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    ending = IsComplete(socket.Socket.CloseStatus) ? ChannelEnding.Completed : ChannelEnding.Lost;
                    return;
                }

                length += received.Count;
                if (length > maxMessageBytes)
                {
                    _isTooBig = true;
                    return;
                }

                if (received.EndOfMessage)
                {
                    var message = Take(ref buffer, length, received.MessageType == WebSocketMessageType.Text);
                    length = 0;

                    // When nobody reads any more, what comes is dropped until the close handshake is through.
                    await channel.WriteAsync(message);
                }
                else if (length == buffer.Length)
                {
                    Grow(ref buffer, length);
                }
            }
        }
        catch (Exception e) when (ChannelSocket.IsLoss(e))
        {
            // Gone without a close frame: what was half received is no message, and the reader is told.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            channel.Complete(ending);
        }
    }

    /// <summary>Whether a close code says that all has been written; SDKs close with 1000, or without a code.</summary>
    private static bool IsComplete(WebSocketCloseStatus? status) =>
        status is null or WebSocketCloseStatus.Empty or WebSocketCloseStatus.NormalClosure or WebSocketCloseStatus.EndpointUnavailable;

    /// <summary>Makes a message of what the buffer holds: of the buffer itself, unless that would waste most of it.</summary>
    private static ChannelMessage Take(ref byte[] buffer, int length, bool isText)
    {
        if (length <= buffer.Length / 2)
        {
            var copy = ArrayPool<byte>.Shared.Rent(length);
            buffer.AsSpan(0, length).CopyTo(copy);
            if (buffer.Length > UsualPieceSize)
            {
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = ArrayPool<byte>.Shared.Rent(IdleBufferSize);
            }

            return new ChannelMessage(copy, length, isText);
        }

        var message = new ChannelMessage(buffer, length, isText);
        buffer = ArrayPool<byte>.Shared.Rent(Math.Min(length, UsualPieceSize));
        return message;
    }

    private void Grow(ref byte[] buffer, int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min((long)buffer.Length * 2, (long)maxMessageBytes + 1));
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }
}
