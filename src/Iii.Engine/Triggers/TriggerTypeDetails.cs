namespace Iii.Engine.Triggers;

/// <summary>What a trigger type's provider says about it; the formats are JSON as it came, or null.</summary>
internal sealed record TriggerTypeDetails(string Description, byte[]? TriggerRequestFormat = null, byte[]? CallRequestFormat = null);

/// <summary>One trigger type as it stood at one moment, for lists.</summary>
/// <param name="Id">The type.</param>
/// <param name="Details">What is said about it.</param>
/// <param name="WorkerId">The worker that provides it; null for the engine itself.</param>
internal sealed record TriggerTypeRow(string Id, TriggerTypeDetails Details, string? WorkerId);
