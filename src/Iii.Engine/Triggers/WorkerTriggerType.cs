using Iii.Protocol;

namespace Iii.Engine.Triggers;

/// <summary>A trigger type that a worker provides: the worker is told of its triggers and fires them by ordinary calls (protocol §4.5).</summary>
/// <remarks>When the worker is connected to another instance, that instance tells it, of the triggers of all instances.</remarks>
internal sealed class WorkerTriggerType(string id, TriggerTypeDetails details, ITriggerRegistrant provider, TypeStamp stamp) : ITriggerType
{
    public TypeStamp Stamp => stamp;

    public ITriggerRegistrant Provider => provider;

    public TriggerTypeDetails Details => details;

    public string? Add(Trigger trigger)
    {
        if (!provider.IsRemote)
        {
            provider.Send(Frames.RegisterTrigger(trigger.Id, id, trigger.FunctionId, trigger.Config, trigger.Metadata));
        }

        return null;
    }

    public void Remove(Trigger trigger)
    {
        if (!provider.IsRemote)
        {
            provider.Send(Frames.UnregisterTrigger(trigger.Id, id, trigger.FunctionId));
        }
    }
}
