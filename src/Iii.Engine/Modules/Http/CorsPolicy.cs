using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Iii.Engine.Modules.Http;

/// <summary>The cross-origin headers of every response (http-queue-pubsub-cron §1.8).</summary>
internal sealed class CorsPolicy
{
    private static readonly StringValues Any = "*";
    private static readonly StringValues Vary = "origin, access-control-request-method, access-control-request-headers";

    private readonly HashSet<string>? _origins;
    private readonly StringValues _methods;
    private readonly bool _exposesAll;

    public CorsPolicy(HttpCorsOptions? options)
    {
        _exposesAll = options is null;
        _origins = options is null || options.AllowedOrigins.Count == 0 || options.AllowedOrigins.Contains("*")
            ? null
            : new HashSet<string>(options.AllowedOrigins, StringComparer.Ordinal);
        _methods = options is null || options.AllowedMethods.Count == 0
            ? Any
            : string.Join(",", options.AllowedMethods.Select(static method => method.ToUpperInvariant()));
    }

    /// <summary>Whether a request for OPTIONS is a browser asking for leave.</summary>
    public static bool IsPreflight(IHeaderDictionary request) => request.AccessControlRequestMethod.Count > 0;

    /// <summary>Sets the headers; they replace those that a function set, but for <c>vary</c>, to which they add.</summary>
    public void Apply(IHeaderDictionary request, IHeaderDictionary response)
    {
        if (_origins is null)
        {
            response.AccessControlAllowOrigin = Any;
        }
        else if (request.Origin is [{ } origin] && _origins.Contains(origin))
        {
            response.AccessControlAllowOrigin = origin;
        }

        if (_exposesAll)
        {
            response.AccessControlExposeHeaders = Any;
        }

        var vary = response.Vary;
        response.Vary = vary.Count == 0 ? Vary : StringValues.Concat(vary, Vary);
    }

    /// <summary>Sets what the answer to OPTIONS has beside the other headers.</summary>
    public void ApplyPreflight(IHeaderDictionary response)
    {
        response.AccessControlAllowMethods = _methods;
        response.AccessControlAllowHeaders = Any;
    }
}
