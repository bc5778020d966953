using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text;
using Iii.Sdk.Channels;

namespace Iii.Sdk;

/// <summary>The reading end of a channel.</summary>
/// <remarks>One read at a time. What is not read waits in the engine up to a bound, and then the writer waits.</remarks>
/// <example>
/// <code>
/// await using var reader = worker.OpenReader(channel.Reader);
/// reader.TextReceived += text => Console.WriteLine(text);
/// await reader.AsStream().CopyToAsync(file);
/// </code>
/// </example>
public sealed class IiiChannelReader : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;
    private static readonly TimeSpan CloseGrace = TimeSpan.FromSeconds(2);

    private readonly ChannelSocket _socket;
    private readonly ArrayBufferWriter<byte> _text = new();
    private bool _isAtEnd;

    internal IiiChannelReader(ChannelSocket socket) => _socket = socket;

    /// <summary>A text that came between the bytes, while <see cref="ReadAsync"/> looked for more of them.</summary>
    public event Action<string>? TextReceived;

    /// <summary>Reads from the byte stream.</summary>
    /// <returns>The number of bytes; 0 at the end.</returns>
    /// <exception cref="IOException">The channel cannot be opened, or broke.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellation = default)
    {
        if (target.IsEmpty)
        {
            return 0;
        }

        while (await ReceiveAsync(target, cancellation).ConfigureAwait(false) is { } received)
        {
            if (received.MessageType == WebSocketMessageType.Text)
            {
                _text.Write(target.Span[..received.Count]);
                if (received.EndOfMessage)
                {
                    var text = Encoding.UTF8.GetString(_text.WrittenSpan);
                    _text.Clear();
                    TextReceived?.Invoke(text);
                }
            }
            else if (received.Count > 0)
            {
                return received.Count;
            }
        }

        return 0;
    }

    /// <summary>Reads texts and bytes in their order, as the messages that they were sent in.</summary>
    /// <exception cref="IOException">The channel cannot be opened, or broke.</exception>
    public async IAsyncEnumerable<ChannelMessage> ReadMessagesAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var message = new ArrayBufferWriter<byte>();
        while (await ReceiveAsync(message.GetMemory(BufferBytes), cancellation).ConfigureAwait(false) is { } received)
        {
            message.Advance(received.Count);
            if (received.EndOfMessage)
            {
                yield return new ChannelMessage(received.MessageType == WebSocketMessageType.Text, message.WrittenSpan.ToArray());
                message.Clear();
            }
        }
    }

    /// <summary>Reads the byte stream to its end.</summary>
    /// <param name="maxBytes">More than this is refused with an <see cref="InvalidDataException"/>.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async ValueTask<ReadOnlyMemory<byte>> ReadToEndAsync(int maxBytes, CancellationToken cancellation = default)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            var count = await ReadAsync(all.GetMemory(BufferBytes), cancellation).ConfigureAwait(false);
            if (count == 0)
            {
                return all.WrittenMemory;
            }

            all.Advance(count);
            if (all.WrittenCount > maxBytes)
            {
                throw new InvalidDataException($"The channel has more than {maxBytes} bytes.");
            }
        }
    }

    /// <summary>A stream that reads from here. Disposing of it closes this end.</summary>
    public Stream AsStream() => new ChannelReadStream(this);

    /// <summary>A pipe that reads from here. Completing it closes this end.</summary>
    public PipeReader AsPipeReader() => PipeReader.Create(AsStream());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_isAtEnd && _socket.IsConnected)
        {
            _isAtEnd = true;
            using var patience = new CancellationTokenSource(CloseGrace);
            try
            {
                var socket = await _socket.ConnectedAsync(patience.Token).ConfigureAwait(false);
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, patience.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
            {
                // Gone already.
            }
        }

        _socket.Dispose();
    }

    private async ValueTask<ValueWebSocketReceiveResult?> ReceiveAsync(Memory<byte> target, CancellationToken cancellation)
    {
        if (_isAtEnd)
        {
            return null;
        }

        var socket = await _socket.ConnectedAsync(cancellation).ConfigureAwait(false);
        try
        {
            var received = await socket.ReceiveAsync(target, cancellation).ConfigureAwait(false);
            if (received.MessageType != WebSocketMessageType.Close)
            {
                return received;
            }

            _isAtEnd = true;
            if (socket.State == WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancellation).ConfigureAwait(false);
            }
        }
        catch (WebSocketException e) when (!_isAtEnd)
        {
            throw new IOException("The channel broke before its end.", e);
        }
        catch (WebSocketException)
        {
            // Answering the close is a courtesy.
        }

        // A writer that was lost is told by the code: it did not complete the channel.
        return socket.CloseStatus is null or WebSocketCloseStatus.NormalClosure or WebSocketCloseStatus.Empty
            ? null
            : throw new IOException($"The channel ended without being completed: {socket.CloseStatusDescription} ({(int)socket.CloseStatus}).");
    }
}
