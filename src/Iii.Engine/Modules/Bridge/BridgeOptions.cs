using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Bridge;

/// <summary>A bridge to another engine: which functions of this one are offered there, and which of that one are offered here.</summary>
/// <remarks>In the file: module <c>modules::bridge_client::BridgeClientModule</c>; it may be listed more than once.</remarks>
public sealed record BridgeOptions : IValidatableOptions
{
    /// <summary>The variable that gives <see cref="Url"/> when the configuration does not.</summary>
    public const string UrlVariable = "III_BRIDGE_URL";

    /// <summary>Default of <see cref="Url"/>.</summary>
    public const string DefaultUrl = "ws://0.0.0.0:49134";

    /// <summary>
    /// Address of the other engine's worker port. Default null: what the variable <c>III_BRIDGE_URL</c> says, or
    /// <c>ws://0.0.0.0:49134</c>.
    /// </summary>
    public string? Url { get; init; }

    /// <summary>Id of a service that the bridge announces to the other engine. Default null: none.</summary>
    public string? ServiceId { get; init; }

    /// <summary>Name of that service. Default null: its id.</summary>
    public string? ServiceName { get; init; }

    /// <summary>Functions of this engine that the other one can call. Default none.</summary>
    public IReadOnlyList<BridgeExposeOptions> Expose { get; init; } = [];

    /// <summary>Functions of the other engine that this one can call. Default none.</summary>
    public IReadOnlyList<BridgeForwardOptions> Forward { get; init; } = [];

    /// <summary>The address, wherever it comes from.</summary>
    internal string Target => Url ?? (Environment.GetEnvironmentVariable(UrlVariable) is { Length: > 0 } url ? url : DefaultUrl);

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Unless(
            Url is null || (Uri.TryCreate(Url, UriKind.Absolute, out var url) && url.Scheme is "ws" or "wss"),
            "url",
            $"{DisplayText.Quote(Url ?? "")} is not the address of an engine; write one such as 'ws://engine.example.org:49134'"),
        .. Expose.SelectMany(static (expose, i) => expose.Validate().Select(error => error with { Path = $"expose[{i}].{error.Path}" })),
        .. Forward.SelectMany(static (forward, i) => forward.Validate().Select(error => error with { Path = $"forward[{i}].{error.Path}" })),
    ];
}
