namespace Iii.Engine.Modules.Http;

/// <summary>Settings of the HTTP module.</summary>
public sealed record HttpOptions
{
    /// <summary>Address to listen on.</summary>
    public string Host { get; init; } = "0.0.0.0";

    /// <summary>Port to listen on.</summary>
    public int Port { get; init; } = 3111;

    /// <summary>Milliseconds that a request may take until its response begins; 504 after that.</summary>
    public int DefaultTimeout { get; init; } = 30_000;

    /// <summary>Requests under way at a time; further ones wait.</summary>
    public int ConcurrencyRequestLimit { get; init; } = 1024;

    /// <summary>Requests that may wait; further ones get 503, as does one that has waited for <see cref="DefaultTimeout"/>.</summary>
    public int ConcurrencyQueueLimit { get; init; } = 16_384;

    /// <summary>The largest request body in bytes; 413 above it.</summary>
    public int BodyLimit { get; init; } = 16_777_216;

    /// <summary>Whether <c>X-Forwarded-For</c> says who the client is.</summary>
    public bool TrustProxy { get; init; }

    /// <summary>The header that carries a request's id, in and out; null for none.</summary>
    public string? RequestIdHeader { get; init; }

    /// <summary>Whether <c>/a</c> and <c>/a/</c> are the same route.</summary>
    public bool IgnoreTrailingSlash { get; init; }

    /// <summary>The function that answers for paths without a route; null for a plain 404.</summary>
    public string? NotFoundFunction { get; init; }

    /// <summary>Shape of error bodies: <c>flat</c> or <c>envelope</c>.</summary>
    public string ErrorFormat { get; init; } = "flat";

    /// <summary>Cross-origin rules; null for fully open.</summary>
    public CorsOptions? Cors { get; init; }
}

/// <summary>Cross-origin rules.</summary>
public sealed record CorsOptions
{
    /// <summary>Origins that may read responses; empty, or containing <c>*</c>, for all.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Methods named in preflight answers; empty for all.</summary>
    public IReadOnlyList<string> AllowedMethods { get; init; } = [];
}
