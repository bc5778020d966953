namespace Iii.Engine.Triggers;

/// <summary>One logical trigger as it stood at one moment, for lists.</summary>
/// <param name="Trigger">The trigger; only its immutable members are to be read.</param>
/// <param name="IsActive">Whether its type serves it.</param>
/// <param name="RegistrationIds">The ids under which it is registered.</param>
/// <param name="WorkerIds">The workers that registered it, in the same order.</param>
internal sealed record TriggerRow(Trigger Trigger, bool IsActive, string[] RegistrationIds, string[] WorkerIds);
