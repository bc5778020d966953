using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Iii.Sdk.Transport;

/// <summary>Opens a WebSocket by an HTTP upgrade, so that TLS, proxies and headers are the framework's business.</summary>
internal static class WebSocketHandshake
{
    private const string AcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private static readonly Lazy<HttpMessageInvoker> Shared = new(static () => new HttpMessageInvoker(new SocketsHttpHandler
    {
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        PooledConnectionLifetime = TimeSpan.Zero,
    }));

    /// <summary>Performs the handshake.</summary>
    /// <returns>The response, which owns the connection, and the stream in both directions.</returns>
    public static async Task<(HttpResponseMessage Response, Stream Stream)> PerformAsync(
        Uri url, IReadOnlyDictionary<string, string> headers, HttpMessageInvoker? http, CancellationToken cancellation)
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var request = new HttpRequestMessage(HttpMethod.Get, Upgradable(url))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", key);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        var response = await (http ?? Shared.Value).SendAsync(request, cancellation).ConfigureAwait(false);
        try
        {
            Require(response, key);
            return (response, await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static Uri Upgradable(Uri url) => url.Scheme switch
    {
        "ws" or "http" => new UriBuilder(url) { Scheme = "http", Port = url.Port }.Uri,
        "wss" or "https" => new UriBuilder(url) { Scheme = "https", Port = url.Port }.Uri,
        _ => throw new ArgumentException($"'{url}' is not the address of an engine: it starts with ws:// or wss://.", nameof(url)),
    };

    private static void Require(HttpResponseMessage response, string key)
    {
        if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
        {
            throw new HttpRequestException(
                $"The server answered the WebSocket handshake with {(int)response.StatusCode} instead of 101.", null, response.StatusCode);
        }

        // The protocol prescribes SHA-1 here; it proves that the server speaks WebSocket and protects nothing.
#pragma warning disable CA5350
        var expected = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptSuffix)));
#pragma warning restore CA5350
        var accepted = response.Headers.TryGetValues("Sec-WebSocket-Accept", out var values) ? string.Join(',', values) : null;
        if (accepted != expected)
        {
            throw new HttpRequestException("The server answered the WebSocket handshake with a wrong Sec-WebSocket-Accept.");
        }
    }
}
