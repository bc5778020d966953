using System.Text;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Carries calls out. One pool of connections for all functions.</summary>
internal sealed class HttpCaller : IDisposable
{
    /// <summary>Connections to one host at a time; a call beyond it waits for one to be free, within its own time.</summary>
    public const int MaxConnectionsPerHost = 50;

    /// <summary>How long a connection is used, so that a change in DNS is noticed.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    /// <summary>How long connecting may take: as long as most calls have.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(30);

    private readonly HttpMessageInvoker _client;
    private readonly HttpRequestWriter _requests;
    private readonly HttpResponseReader _responses;

    public HttpCaller(HttpFunctionsOptions options, TimeProvider time, EnvironmentReader environment, GuardedDialer dialer)
    {
        _requests = new HttpRequestWriter(time, environment);
        _responses = new HttpResponseReader(options.MaxResponseBytes);

        // Whatever the handler would do on its own account is turned off: a redirect or a proxy of the environment would lead
        // around the checks, and a compressed answer could become longer than its bound.
        _client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = (context, cancellation) => dialer.ConnectAsync(context.DnsEndPoint, cancellation),
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            MaxConnectionsPerServer = MaxConnectionsPerHost,
            PooledConnectionLifetime = ConnectionLifetime,
            ConnectTimeout = ConnectTimeout,
            RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8,
        });
    }

    /// <summary>Carries a call out. Every failure but a cancellation is a value.</summary>
    public async Task<HttpAnswer> CallAsync(HttpInvocation invocation, HttpCall call, CancellationToken cancellation)
    {
        var problem = _requests.Write(invocation, call, out var request);
        using (request)
        {
            return problem is { } refusal ? new HttpAnswer(default, refusal) : await SendAsync(request, cancellation);
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<HttpAnswer> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        HttpResponseMessage response;
        try
        {
            response = await _client.SendAsync(request, cancellation);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            return e is UrlRefusedException or { InnerException: UrlRefusedException }
                ? HttpAnswer.Failure(HttpFunctionErrorCodes.UrlValidationFailed, (e as UrlRefusedException ?? e.InnerException!).Message)
                : HttpAnswer.Failure(HttpFunctionErrorCodes.RequestFailed, Explain(e));
        }

        using (response)
        {
            try
            {
                return await _responses.ReadAsync(response, cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                return HttpAnswer.Failure(HttpFunctionErrorCodes.ResponseFailed, Explain(e));
            }
        }
    }

    /// <summary>The client's text with its cause, which is often the more telling one.</summary>
    private static string Explain(Exception e) =>
        e.InnerException is { } cause && !e.Message.Contains(cause.Message, StringComparison.Ordinal) ? $"{e.Message} ({cause.Message})" : e.Message;
}
