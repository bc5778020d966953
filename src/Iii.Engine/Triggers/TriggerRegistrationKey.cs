namespace Iii.Engine.Triggers;

/// <summary>What makes two registrations of a trigger the same one.</summary>
/// <param name="Id">The id that the worker gave it.</param>
/// <param name="RemoteWorkerId">
/// The worker, when it is connected to another instance: that one decides whether an id moves from worker to worker. Null for a worker that
/// is connected here, where an id belongs to whoever named it last.
/// </param>
internal readonly record struct TriggerRegistrationKey(string Id, string? RemoteWorkerId)
{
    public static TriggerRegistrationKey Of(string id, ITriggerRegistrant owner) => new(id, owner.IsRemote ? owner.WorkerId : null);
}
