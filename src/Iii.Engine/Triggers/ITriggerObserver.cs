namespace Iii.Engine.Triggers;

/// <summary>Learns what the workers connected to this instance register, so that other instances learn of it.</summary>
/// <remarks>Called under the lock of the <see cref="TriggerDirectory"/>, in the order of what happens.</remarks>
internal interface ITriggerObserver
{
    void TriggerRegistered(string registrationId, Trigger trigger, ITriggerRegistrant owner);

    void TriggerUnregistered(string registrationId, ITriggerRegistrant owner);

    void TypeRegistered(string id, TriggerTypeDetails details, TypeStamp stamp, ITriggerRegistrant provider);

    void TypeUnregistered(string id, ITriggerRegistrant provider);
}
