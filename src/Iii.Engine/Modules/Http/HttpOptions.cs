using System.Text.Json.Serialization;
using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Http;

/// <summary>The module that turns HTTP requests into calls of functions, and its limits.</summary>
/// <remarks>In the file: module <c>modules::api::RestApiModule</c>, later name <c>iii-http</c>.</remarks>
public sealed record HttpOptions : IValidatableOptions
{
    /// <summary>Default of <see cref="Host"/>.</summary>
    public const string DefaultHost = "0.0.0.0";

    /// <summary>Default of <see cref="Port"/>.</summary>
    public const int DefaultPort = 3111;

    /// <summary>Default of <see cref="DefaultTimeoutMs"/>: half a minute.</summary>
    public const int DefaultTimeoutDefaultMs = 30_000;

    /// <summary>Default of <see cref="ConcurrencyRequestLimit"/>.</summary>
    public const int DefaultConcurrencyRequestLimit = 1024;

    /// <summary>Default of <see cref="ConcurrencyQueueLimit"/>.</summary>
    public const int DefaultConcurrencyQueueLimit = 16_384;

    /// <summary>Default of <see cref="BodyLimitBytes"/>: 16 MiB.</summary>
    public const int DefaultBodyLimitBytes = 16 * 1024 * 1024;

    /// <summary>Default of <see cref="ResponseGraceMs"/>: half a second.</summary>
    public const int DefaultResponseGraceMs = 500;

    /// <summary>Address to listen on. Default <c>0.0.0.0</c>: every interface.</summary>
    public string Host { get; init; } = DefaultHost;

    /// <summary>TCP port to listen on. Default 3111; 0 asks the system for a free port.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>
    /// <c>default_timeout</c>: time until the head of the response must be there, in milliseconds. Default 30,000. Then the
    /// request is answered as timed out.
    /// </summary>
    [JsonPropertyName("default_timeout")]
    public int DefaultTimeoutMs { get; init; } = DefaultTimeoutDefaultMs;

    /// <summary>
    /// How long a function that has answered without a value may take to open its response channel, in milliseconds. Default 500.
    /// Then the response is 204. Workers with SDKs that know no channels are not waited for.
    /// </summary>
    public int ResponseGraceMs { get; init; } = DefaultResponseGraceMs;

    /// <summary>
    /// Requests that are worked on at a time, over all routes of this instance. Default 1,024, at least 1. A request beyond it
    /// waits for a slot.
    /// </summary>
    public int ConcurrencyRequestLimit { get; init; } = DefaultConcurrencyRequestLimit;

    /// <summary>Requests that may wait for a slot. Default 16,384; 0 lets none wait.</summary>
    /// <remarks>
    /// A request waits for <see cref="DefaultTimeoutMs"/> at most and is then answered 503 with Retry-After. A request that finds
    /// the queue full is answered so at once.
    /// </remarks>
    public int ConcurrencyQueueLimit { get; init; } = DefaultConcurrencyQueueLimit;

    /// <summary>
    /// <c>body_limit</c>: longest JSON body the engine holds in memory, in bytes. Default 16 MiB. A longer one is answered 413.
    /// </summary>
    [JsonPropertyName("body_limit")]
    public int BodyLimitBytes { get; init; } = DefaultBodyLimitBytes;

    /// <summary>Whether <c>client_ip</c> is the last address of <c>X-Forwarded-For</c>, as a proxy in front adds it. Default false.</summary>
    public bool TrustProxy { get; init; }

    /// <summary>Header that carries the id of a request, in and out. Default null: no id.</summary>
    public string? RequestIdHeader { get; init; }

    /// <summary>
    /// Whether a path with a final <c>/</c> finds the route without it, and the other way round. Default false.
    /// </summary>
    public bool IgnoreTrailingSlash { get; init; }

    /// <summary>Function that answers requests no route matches. Default null: they are answered 404.</summary>
    public string? NotFoundFunction { get; init; }

    /// <summary>Shape of the errors the module itself answers with. Default <see cref="HttpErrorFormat.Flat"/>.</summary>
    public HttpErrorFormat ErrorFormat { get; init; }

    /// <summary>Functions that every routed request passes first. Default null: none.</summary>
    public IReadOnlyList<HttpMiddlewareOptions>? Middleware { get; init; }

    /// <summary>Rules for pages of other origins. Default null: all of them may do everything.</summary>
    public HttpCorsOptions? Cors { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Host("host", Host),
        .. OptionError.Range("port", Port, 0, ushort.MaxValue),
        .. OptionError.Minimum("default_timeout", DefaultTimeoutMs, 1),
        .. OptionError.Minimum("response_grace_ms", ResponseGraceMs, 0),
        .. OptionError.Minimum("concurrency_request_limit", ConcurrencyRequestLimit, 1),
        .. OptionError.Minimum("concurrency_queue_limit", ConcurrencyQueueLimit, 0),
        .. OptionError.Minimum("body_limit", BodyLimitBytes, 1),
        .. OptionError.Unless(
            RequestIdHeader is null || HttpToken.IsToken(RequestIdHeader),
            "request_id_header",
            $"{DisplayText.Quote(RequestIdHeader ?? "")} is not the name of a header; write one such as 'x-request-id'"),
        .. OptionError.Unless(
            NotFoundFunction is null || !string.IsNullOrWhiteSpace(NotFoundFunction),
            "not_found_function",
            "the id of a function cannot be empty; write one, or remove the key"),
        .. Middleware?.SelectMany(static (middleware, i) =>
            middleware.Validate().Select(error => error with { Path = $"middleware[{i}].{error.Path}" })) ?? [],
        .. Cors?.Validate().Select(error => error with { Path = "cors." + error.Path }) ?? [],
    ];
}
