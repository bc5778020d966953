using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Bridge;

/// <summary>A function of the other engine that this one can call.</summary>
public sealed record BridgeForwardOptions : IValidatableOptions
{
    /// <summary>Default of <see cref="TimeoutMs"/>: half a minute.</summary>
    public const int DefaultTimeoutMs = 30_000;

    /// <summary>Its id here.</summary>
    public string LocalFunction { get; init; } = "";

    /// <summary>Its id there.</summary>
    public string RemoteFunction { get; init; } = "";

    /// <summary>How long a call may take, in milliseconds. Default 30,000.</summary>
    public int TimeoutMs { get; init; } = DefaultTimeoutMs;

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Unless(LocalFunction.Length > 0, "local_function", "the id of a function cannot be empty; write one"),
        .. OptionError.Unless(
            !LocalFunction.StartsWith("engine::", StringComparison.Ordinal),
            "local_function",
            $"{DisplayText.Quote(LocalFunction)} is among the engine's own; write an id that does not begin with 'engine::'"),
        .. OptionError.Unless(RemoteFunction.Length > 0, "remote_function", "the id of a function cannot be empty; write one"),
        .. OptionError.Minimum("timeout_ms", TimeoutMs, 1),
    ];
}
