namespace Iii.Engine.Triggers;

/// <summary>A kind of trigger: HTTP route, discovery event, or one that a worker provides.</summary>
/// <remarks>
/// Members are called under the lock of the <see cref="TriggerDirectory"/>, one at a time: they must be quick, must not
/// block, and must not call back into the directory.
/// </remarks>
internal interface ITriggerType
{
    /// <summary>Starts to serve a trigger.</summary>
    /// <returns>Null, or what is wrong with the trigger's config and what to write instead; the trigger is then not registered.</returns>
    string? Add(Trigger trigger);

    /// <summary>Serves the trigger no longer: its last owner has left.</summary>
    void Remove(Trigger trigger);
}
