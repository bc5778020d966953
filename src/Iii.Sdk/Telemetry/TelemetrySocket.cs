using Iii.Sdk.Transport;

namespace Iii.Sdk.Telemetry;

/// <summary>The connection that telemetry goes over: the engine's address with <c>/otel</c> behind it.</summary>
/// <remarks>Only one loop sends. The connection is made when something is to be sent.</remarks>
internal sealed class TelemetrySocket(Uri engine, TimeProvider time) : IMessageReceiver, IDisposable
{
    private readonly LinkOptions _options = new()
    {
        Time = time,
        HandshakeTimeout = TimeSpan.FromSeconds(10),
        PingInterval = TimeSpan.FromSeconds(20),
        PingTimeout = TimeSpan.FromSeconds(60),
        MaxMessageBytes = 1024 * 1024,
    };

    private WebSocketLink? _link;
    private Task _receiving = Task.CompletedTask;

    public static Uri AddressOf(Uri engine) =>
        new UriBuilder(engine) { Path = $"{engine.AbsolutePath.TrimEnd('/')}/otel" }.Uri;

    /// <summary>Sends a message; completes when it was written.</summary>
    /// <exception cref="IOException">The connection broke; the message may be lost.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellation)
    {
        if (_link is null || _receiving.IsCompleted)
        {
            _link = await WebSocketLink.OpenAsync(AddressOf(engine), _options, cancellation).ConfigureAwait(false);
            _receiving = _link.RunAsync(this);
        }

        if (!_link.TrySendBinary(message.Span))
        {
            throw new IOException("The connection for telemetry broke.");
        }

        await _link.Outbound.WrittenAsync().WaitAsync(cancellation).ConfigureAwait(false);
    }

    public async Task CloseAsync()
    {
        if (_link is not null)
        {
            await _link.CloseAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => _link?.Dispose();

    /// <summary>The engine has nothing to say here that matters.</summary>
    void IMessageReceiver.Receive(ReadOnlySpan<byte> message, WorkBatch work)
    {
    }
}
