namespace Iii.Sdk.Transport;

/// <summary>How a link is opened and watched.</summary>
internal sealed record LinkOptions
{
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public HttpMessageInvoker? Http { get; init; }

    public required TimeProvider Time { get; init; }

    public required TimeSpan HandshakeTimeout { get; init; }

    public required TimeSpan PingInterval { get; init; }

    public required TimeSpan PingTimeout { get; init; }

    public required int MaxMessageBytes { get; init; }
}
