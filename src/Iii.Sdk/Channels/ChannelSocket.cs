using System.Net.WebSockets;

namespace Iii.Sdk.Channels;

/// <summary>The connection of one channel end, made when it is first needed.</summary>
internal sealed class ChannelSocket(Uri url, IiiWorkerOptions options) : IDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private bool _isConnected;

    /// <summary>The address of a channel below the address of the engine, whose query it keeps.</summary>
    public static Uri AddressOf(Uri engine, ChannelRef channel)
    {
        var query = engine.Query.TrimStart('?');
        var key = $"key={Uri.EscapeDataString(channel.AccessKey)}&dir={channel.Direction}";
        return new UriBuilder(engine)
        {
            Scheme = engine.Scheme is "wss" or "https" ? "wss" : "ws",
            Port = engine.Port,
            Path = $"{engine.AbsolutePath.TrimEnd('/')}/ws/channels/{Uri.EscapeDataString(channel.ChannelId)}",
            Query = query.Length == 0 ? key : $"{query}&{key}",
        }.Uri;
    }

    public bool IsConnected => Volatile.Read(ref _isConnected);

    public async ValueTask<WebSocket> ConnectedAsync(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _isConnected))
        {
            return _socket;
        }

        await _connecting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (!_isConnected)
            {
                await ConnectAsync(cancellation).ConfigureAwait(false);
                Volatile.Write(ref _isConnected, true);
            }

            return _socket;
        }
        finally
        {
            _connecting.Release();
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _connecting.Dispose();
    }

    private async Task ConnectAsync(CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(options.HandshakeTimeout, options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        _socket.Options.KeepAliveInterval = options.PingInterval;
        try
        {
            await _socket.ConnectAsync(url, options.Http, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new IOException($"The channel did not open within {options.HandshakeTimeout.TotalSeconds:0.#} s.");
        }
        catch (WebSocketException e)
        {
            throw new IOException("The channel cannot be opened: it is over, its end is taken, or the engine cannot be reached.", e);
        }
    }
}
