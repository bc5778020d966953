using System.Text.Json.Serialization;
using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Http;

/// <summary>Which pages of other origins may call the HTTP module.</summary>
/// <remarks>
/// Keys this version does not know are tolerated here, as clients' files carry some; one that looks like a slip is warned of.
/// </remarks>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
public sealed record HttpCorsOptions : IValidatableOptions
{
    /// <summary>
    /// Origins that are allowed, each exactly as a browser sends it. Default none, which means every origin, as does <c>*</c>.
    /// </summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>
    /// Methods named in the answer to a preflight request. Default none, which means <c>*</c>. Nothing is blocked by it.
    /// </summary>
    public IReadOnlyList<string> AllowedMethods { get; init; } = [];

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate()
    {
        for (var i = 0; i < AllowedOrigins.Count; i++)
        {
            var origin = AllowedOrigins[i];
            if (string.IsNullOrWhiteSpace(origin) || origin.EndsWith('/'))
            {
                yield return new OptionError(
                    $"allowed_origins[{i}]",
                    $"{DisplayText.Quote(origin)} matches no origin; write scheme and host without a final '/', "
                    + "such as 'https://example.org', or '*'");
            }
        }

        for (var i = 0; i < AllowedMethods.Count; i++)
        {
            if (!HttpToken.IsToken(AllowedMethods[i]))
            {
                yield return new OptionError(
                    $"allowed_methods[{i}]",
                    $"{DisplayText.Quote(AllowedMethods[i])} is not an HTTP method; write one such as 'GET', or '*'");
            }
        }
    }
}
