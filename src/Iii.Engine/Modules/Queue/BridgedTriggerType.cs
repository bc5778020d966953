using Iii.Engine.Triggers;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>The trigger types of <see cref="QueueTriggerType"/>, when the queues are those of another engine.</summary>
internal sealed class BridgedTriggerType(BridgedSubscriptions subscriptions, ILogger logger) : ITriggerType
{
    public string? Add(Trigger trigger)
    {
        if (QueueTriggerType.ReadTopic(trigger, logger, out var problem) is not null)
        {
            subscriptions.Add(trigger);
        }

        return problem;
    }

    public void Remove(Trigger trigger) => subscriptions.Remove(trigger);
}
