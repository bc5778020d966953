using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Iii.Testing;

/// <summary>A TCP connection to the worker port on which the test writes WebSocket frames byte for byte.</summary>
public sealed class RawSocket : IDisposable
{
    private readonly TcpClient _client = new();
    private NetworkStream _stream = null!;

    /// <summary>Connects and upgrades; <paramref name="burst"/> goes out in the same write as the upgrade request.</summary>
    public static Task<RawSocket> ConnectAsync(int port, params byte[][] burst) => ConnectToAsync(port, "/", burst);

    /// <summary>The same under another path.</summary>
    public static async Task<RawSocket> ConnectToAsync(int port, string pathAndQuery, params byte[][] burst)
    {
        var raw = new RawSocket();
        await raw._client.ConnectAsync("127.0.0.1", port);
        raw._stream = raw._client.GetStream();
        raw._stream.ReadTimeout = (int)TestWorker.Patience.TotalMilliseconds;
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        var request = Encoding.ASCII.GetBytes(
            $"GET {pathAndQuery} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n");
        await raw._stream.WriteAsync((byte[])[.. request, .. burst.SelectMany(static frame => frame)]);
        await raw.ReadHeadAsync();
        return raw;
    }

    /// <summary>A frame as a client sends it; a server must refuse one that is not masked.</summary>
    public static byte[] Frame(byte opcode, string payload, bool isMasked = true, bool isFinal = true) =>
        Frame(opcode, Encoding.UTF8.GetBytes(payload), isMasked, isFinal);

    public static byte[] Frame(byte opcode, byte[] bytes, bool isMasked = true, bool isFinal = true)
    {
        Assert.InRange(bytes.Length, 0, ushort.MaxValue);
        var frame = new List<byte> { (byte)((isFinal ? 0x80 : 0) | opcode) };
        var mask = (byte)(isMasked ? 0x80 : 0);
        if (bytes.Length < 126)
        {
            frame.Add((byte)(mask | bytes.Length));
        }
        else
        {
            frame.AddRange([(byte)(mask | 126), (byte)(bytes.Length >> 8), (byte)bytes.Length]);
        }

        if (!isMasked)
        {
            return [.. frame, .. bytes];
        }

        byte[] key = [1, 2, 3, 4];
        return [.. frame, .. key, .. bytes.Select((value, i) => (byte)(value ^ key[i % 4]))];
    }

    public async Task WriteAsync(params byte[][] frames) => await _stream.WriteAsync((byte[])[.. frames.SelectMany(static frame => frame)]);

    /// <summary>The next frame from the engine.</summary>
    public async Task<(byte Opcode, byte[] Payload)> ReadFrameAsync()
    {
        var head = await ReadAsync(2);
        int length = head[1];
        if (length == 126)
        {
            length = BinaryPrimitives.ReadUInt16BigEndian(await ReadAsync(2));
        }
        else if (length == 127)
        {
            length = checked((int)BinaryPrimitives.ReadInt64BigEndian(await ReadAsync(8)));
        }

        return ((byte)(head[0] & 0x0F), await ReadAsync(length));
    }

    /// <summary>Whether the engine ends the connection, with whatever frames before that.</summary>
    public async Task<bool> EndsAsync()
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        var buffer = new byte[4096];
        try
        {
            while (await _stream.ReadAsync(buffer, timeout.Token) > 0)
            {
            }

            return true;
        }
        catch (IOException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task ReadHeadAsync()
    {
        var head = new StringBuilder();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            head.Append((char)(await ReadAsync(1))[0]);
        }

        Assert.StartsWith("HTTP/1.1 101", head.ToString(), StringComparison.Ordinal);
    }

    private async Task<byte[]> ReadAsync(int count)
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        var bytes = new byte[count];
        await _stream.ReadExactlyAsync(bytes, timeout.Token);
        return bytes;
    }
}
