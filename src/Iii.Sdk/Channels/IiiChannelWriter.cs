using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;
using Iii.Sdk.Channels;

namespace Iii.Sdk;

/// <summary>The writing end of a channel.</summary>
/// <remarks>
/// One write at a time. When the reader is slow, writes wait. Disposal completes the channel: the reader gets what was
/// written, and then the end. A writer that fails should call <see cref="Abort"/> instead.
/// </remarks>
/// <example>
/// <code>
/// await using var writer = worker.OpenWriter(channel.Writer);
/// await writer.SendTextAsync("""{"rows":2}""");
/// await writer.WriteAsync(bytes);
/// </code>
/// </example>
public sealed class IiiChannelWriter : IAsyncDisposable
{
    /// <summary>The largest binary message; more is sent in several.</summary>
    public const int MaxChunkBytes = 64 * 1024;

    private static readonly TimeSpan CloseGrace = TimeSpan.FromSeconds(10);

    private readonly ChannelSocket _socket;
    private bool _isCompleted;

    internal IiiChannelWriter(ChannelSocket socket) => _socket = socket;

    /// <summary>Writes to the byte stream.</summary>
    /// <exception cref="IOException">The channel cannot be opened, or the reader is gone.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        while (!bytes.IsEmpty)
        {
            var chunk = bytes[..Math.Min(bytes.Length, MaxChunkBytes)];
            await SendAsync(chunk, WebSocketMessageType.Binary, cancellation).ConfigureAwait(false);
            bytes = bytes[chunk.Length..];
        }
    }

    /// <summary>Sends a text beside the byte stream; it keeps its place between the bytes.</summary>
    /// <exception cref="IOException">The channel cannot be opened, or the reader is gone.</exception>
    public ValueTask SendTextAsync(string text, CancellationToken cancellation = default) =>
        SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, cancellation);

    /// <summary>Ends the channel, once; connects for that when nothing was written.</summary>
    public async ValueTask CompleteAsync(CancellationToken cancellation = default)
    {
        if (_isCompleted)
        {
            return;
        }

        _isCompleted = true;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(CloseGrace);
        try
        {
            var socket = await _socket.ConnectedAsync(patience.Token).ConfigureAwait(false);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "channel_close", patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            // The reader is gone, or does not care for an answer: there is nobody to tell.
        }
    }

    /// <summary>Cuts the channel, so that the reader can tell that it was not completed.</summary>
    public void Abort()
    {
        _isCompleted = true;
        _socket.Dispose();
    }

    /// <summary>A stream that writes here. Disposing of it completes the channel.</summary>
    public Stream AsStream() => new ChannelWriteStream(this);

    /// <summary>A pipe that writes here. Completing it completes the channel.</summary>
    public PipeWriter AsPipeWriter() => PipeWriter.Create(AsStream());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CompleteAsync().ConfigureAwait(false);
        _socket.Dispose();
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> message, WebSocketMessageType type, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_isCompleted, this);
        var socket = await _socket.ConnectedAsync(cancellation).ConfigureAwait(false);
        try
        {
            await socket.SendAsync(message, type, endOfMessage: true, cancellation).ConfigureAwait(false);
        }
        catch (WebSocketException e)
        {
            throw new IOException("The channel is over: its reader is gone.", e);
        }
    }
}
