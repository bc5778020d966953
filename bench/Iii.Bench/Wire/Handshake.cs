using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Iii.Bench.Wire;

/// <summary>The upgrade of a fresh TCP connection to a WebSocket, with no extension and no subprotocol.</summary>
internal static class Handshake
{
    private const int MaxResponseBytes = 4096;

    /// <summary>Returns the bytes that came after the response's head: the server may speak first.</summary>
    public static async Task<ReadOnlyMemory<byte>> PerformAsync(Socket socket, Uri url, CancellationToken cancellation)
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        var request = $"GET {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nUpgrade: websocket\r\n"
            + $"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), cancellation);

        var response = new byte[MaxResponseBytes];
        var length = 0;
        while (length < response.Length)
        {
            var count = await socket.ReceiveAsync(response.AsMemory(length), cancellation);
            length += count;
            var end = response.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                return response.AsSpan().StartsWith("HTTP/1.1 101"u8)
                    ? response.AsMemory(end + 4, length - end - 4)
                    : throw new InvalidDataException($"No upgrade at {url}: {Encoding.ASCII.GetString(response, 0, end)}");
            }

            if (count == 0)
            {
                break;
            }
        }

        throw new InvalidDataException($"No upgrade at {url}: the server closed the connection or answered too much.");
    }
}
