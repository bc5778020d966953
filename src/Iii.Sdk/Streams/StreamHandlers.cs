namespace Iii.Sdk;

/// <summary>What answers for a stream in place of the engine's own store. Inputs and results are JSON.</summary>
public sealed record StreamHandlers
{
    /// <summary>Gives an item.</summary>
    public required RawFunctionHandler Get { get; init; }

    /// <summary>Sets an item.</summary>
    public required RawFunctionHandler Set { get; init; }

    /// <summary>Deletes an item.</summary>
    public required RawFunctionHandler Delete { get; init; }

    /// <summary>Lists the items of a group.</summary>
    public required RawFunctionHandler List { get; init; }

    /// <summary>Lists the groups.</summary>
    public required RawFunctionHandler ListGroups { get; init; }
}
