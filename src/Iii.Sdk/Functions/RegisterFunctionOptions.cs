namespace Iii.Sdk;

/// <summary>What is told about a function, and how it runs.</summary>
public sealed record RegisterFunctionOptions
{
    /// <summary>What the function does, for people who look at the list of functions.</summary>
    public string? Description { get; init; }

    /// <summary>What it takes, as JSON (JSON Schema by convention).</summary>
    public string? RequestFormat { get; init; }

    /// <summary>What it returns, as JSON (JSON Schema by convention).</summary>
    public string? ResponseFormat { get; init; }

    /// <summary>Anything about the function, as a JSON object.</summary>
    public string? Metadata { get; init; }

    /// <summary>Whether the handler runs where messages are received, instead of on a thread of its own. Default false.</summary>
    /// <remarks>
    /// For handlers that are done within microseconds: it saves a hand-over. While such a handler runs this worker receives
    /// nothing, so it must never block. Measure before using it: under load the default gathers more answers into a write,
    /// and has been the faster one.
    /// </remarks>
    public bool RunsInline { get; init; }
}
