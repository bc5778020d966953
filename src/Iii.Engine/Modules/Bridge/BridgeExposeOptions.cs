using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Bridge;

/// <summary>A function of this engine that the other one can call.</summary>
public sealed record BridgeExposeOptions : IValidatableOptions
{
    /// <summary>Its id here.</summary>
    public string LocalFunction { get; init; } = "";

    /// <summary>Its id there. Default null: the same.</summary>
    public string? RemoteFunction { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
        OptionError.Unless(LocalFunction.Length > 0, "local_function", "the id of a function cannot be empty; write one");
}
