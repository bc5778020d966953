using Iii.Protocol;

namespace Iii.Engine.Triggers;

/// <summary>A trigger type that a worker provides: the worker is told of its triggers and fires them by ordinary calls (protocol §4.5).</summary>
internal sealed class WorkerTriggerType(string id, TriggerTypeDetails details, ITriggerRegistrant provider) : ITriggerType
{
    public ITriggerRegistrant Provider => provider;

    public TriggerTypeDetails Details => details;

    public string? Add(Trigger trigger)
    {
        provider.Send(Frames.RegisterTrigger(trigger.Id, id, trigger.FunctionId, trigger.Config, trigger.Metadata));
        return null;
    }

    public void Remove(Trigger trigger) => provider.Send(Frames.UnregisterTrigger(trigger.Id, id, trigger.FunctionId));
}
