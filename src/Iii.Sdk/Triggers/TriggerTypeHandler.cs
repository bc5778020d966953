namespace Iii.Sdk;

/// <summary>Sets up, or takes down, one trigger of a type that this worker provides.</summary>
/// <remarks>
/// The calls for one type come one after another, in the engine's order. After a reconnect the engine sends every trigger
/// again, so registering a trigger that is there already must be fine.
/// </remarks>
public delegate ValueTask TriggerTypeHandler(TriggerRequest trigger, CancellationToken cancellation);
