using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Which URLs functions may have. A worker chooses the URL, and the engine calls it from inside its own network.</summary>
public sealed record HttpFunctionsSecurityOptions : IValidatableOptions
{
    /// <summary>
    /// Hosts that may be called, as patterns with <c>*</c>, <c>?</c> and <c>[...]</c>. Default <c>*</c>; an empty list means the
    /// same. The port and the path of a URL do not count.
    /// </summary>
    public IReadOnlyList<string> UrlAllowlist { get; init; } = ["*"];

    /// <summary>Whether addresses that are not on the public internet are blocked. Default true.</summary>
    public bool BlockPrivateIps { get; init; } = true;

    /// <summary>Whether URLs must begin with <c>https:</c>. Default true.</summary>
    public bool RequireHttps { get; init; } = true;

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate()
    {
        for (var i = 0; i < UrlAllowlist.Count; i++)
        {
            if (!HostPattern.TryParse(UrlAllowlist[i], out _, out var problem))
            {
                yield return new OptionError(
                    $"url_allowlist[{i}]",
                    $"{DisplayText.Quote(UrlAllowlist[i])} is not a pattern for a host: {problem}; write one such as '*.example.org'");
            }
        }
    }
}
