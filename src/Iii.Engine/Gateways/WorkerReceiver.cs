using System.Buffers;
using System.Net.WebSockets;

namespace Iii.Engine.Gateways;

/// <summary>The receive loop of one connection: puts messages together and hands them on, one after another.</summary>
internal static class WorkerReceiver
{
    /// <summary>The buffer of an idle connection, in bytes.</summary>
    private const int IdleBufferSize = 4096;

    /// <summary>A buffer larger than this goes back to the pool after the message it was needed for.</summary>
    private const int KeptBufferSize = 64 * 1024;

    /// <summary>Runs until the peer closes, the connection is cut, or a message is over the limit.</summary>
    public static async Task RunAsync(WorkerConnection connection, WorkerMessages messages, int maxMessageBytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(IdleBufferSize);
        var length = 0;
        try
        {
            while (true)
            {
                var received = await connection.Socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                length += received.Count;
                if (length > maxMessageBytes)
                {
                    messages.TooBig(length);
                    await DiscardAsync(connection, buffer);
                    return;
                }

                if (received.EndOfMessage)
                {
                    messages.Handle(buffer.AsMemory(0, length), received.MessageType == WebSocketMessageType.Binary);
                    length = 0;
                    if (buffer.Length > KeptBufferSize)
                    {
                        Replace(ref buffer, IdleBufferSize, length);
                    }
                }
                else if (length == buffer.Length)
                {
                    Replace(ref buffer, (int)Math.Min((long)buffer.Length * 2, (long)maxMessageBytes + 1), length);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// Reads on and forgets, until the peer has seen the close code: a socket closed with unread bytes is reset by the
    /// kernel, and the code would be lost with it.
    /// </summary>
    private static async Task DiscardAsync(WorkerConnection connection, byte[] buffer)
    {
        while ((await connection.Socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)).MessageType != WebSocketMessageType.Close)
        {
        }
    }

    private static void Replace(ref byte[] buffer, int size, int length)
    {
        var replacement = ArrayPool<byte>.Shared.Rent(size);
        buffer.AsSpan(0, length).CopyTo(replacement);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = replacement;
    }
}
