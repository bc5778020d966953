using System.Diagnostics.CodeAnalysis;

namespace Iii.Engine.Configuration;

/// <summary>What came of reading a configuration: the configuration, or every reason why there is none.</summary>
public sealed class ConfigurationResult
{
    internal ConfigurationResult(
        EngineConfiguration? configuration, IReadOnlyList<ConfigurationError> errors, IReadOnlyList<ConfigurationError> warnings)
    {
        Configuration = errors.Count == 0 ? configuration : null;
        Errors = errors;
        Warnings = warnings;
    }

    /// <summary>The configuration; null exactly when there are <see cref="Errors"/>.</summary>
    public EngineConfiguration? Configuration { get; }

    /// <summary>All that is wrong, in the order of the file. The engine does not start with any of them.</summary>
    public IReadOnlyList<ConfigurationError> Errors { get; }

    /// <summary>What is allowed but looks like a slip, in the order of the file.</summary>
    public IReadOnlyList<ConfigurationError> Warnings { get; }

    /// <summary>Whether there is a configuration.</summary>
    [MemberNotNullWhen(true, nameof(Configuration))]
    public bool IsValid => Configuration is not null;

    internal static ConfigurationResult Valid(EngineConfiguration configuration) => new(configuration, [], []);

    internal static ConfigurationResult Invalid(string file, string message) =>
        new(null, [new ConfigurationError(file, 0, 0, message)], []);
}
