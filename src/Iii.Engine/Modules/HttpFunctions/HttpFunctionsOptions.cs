using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>The module that carries out functions by calling a URL, and its limits.</summary>
/// <remarks>In the file: module <c>modules::http_functions::HttpFunctionsModule</c>, later name <c>iii-http-functions</c>.</remarks>
public sealed record HttpFunctionsOptions : IValidatableOptions
{
    /// <summary>Default of <see cref="MaxResponseBytes"/>: 16 MiB.</summary>
    public const int DefaultMaxResponseBytes = 16 * 1024 * 1024;

    /// <summary>Which URLs may be called.</summary>
    public HttpFunctionsSecurityOptions Security { get; init; } = new();

    /// <summary>Longest body of a response, in bytes. Default 16 MiB. A longer one fails the call with <c>http_response_failed</c>.</summary>
    public int MaxResponseBytes { get; init; } = DefaultMaxResponseBytes;

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. Security.Validate().Select(static error => error with { Path = "security." + error.Path }),
        .. OptionError.Minimum("max_response_bytes", MaxResponseBytes, 1),
    ];
}
