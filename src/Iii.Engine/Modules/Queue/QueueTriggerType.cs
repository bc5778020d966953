using Iii.Engine.Triggers;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>
/// The trigger types <c>queue</c>, whose functions share the messages of a topic, and <c>durable:subscriber</c>, where each function
/// gets every message. Replicas of one function always share.
/// </summary>
internal sealed class QueueTriggerType(ConsumerTable consumers, QueueOptions options, bool isDurable, ILogger logger) : ITriggerType
{
    /// <summary>The id of the type whose functions share.</summary>
    public const string QueueId = "queue";

    /// <summary>The id of the type whose functions each get every message.</summary>
    public const string DurableId = "durable:subscriber";

    private readonly Dictionary<Trigger, (string Group, Subscriber Subscriber)> _subscribers = new(ReferenceEqualityComparer.Instance);

    public string? Add(Trigger trigger)
    {
        var value = TriggerConfig.Find(trigger.Config, "topic"u8);
        if (value.GetString() is not { Length: > 0 } topic)
        {
            if (value.HasValue && !value.IsString)
            {
                return "topic is not a string; write the name of a topic";
            }

            // Accepted, as ever: it is listed and never fires.
            logger.NoTopic(trigger.Id, trigger.FunctionId);
            return null;
        }

        if (QueueNames.ProblemOf(topic) is { } problem)
        {
            return $"topic: {problem}";
        }

        var config = SubscriberConfig.Read(trigger.Config, topic, countsRetries: isDurable, options, out var ignored);
        if (ignored is not null)
        {
            logger.FieldsIgnored(trigger.Id, trigger.FunctionId, ignored);
        }

        var group = isDurable ? QueueNames.OfFunction(trigger.FunctionId) : QueueNames.SharedGroup;
        var subscriber = new Subscriber(trigger, config);
        _subscribers.Add(trigger, (group, subscriber));
        consumers.Add(topic, group, subscriber);
        return null;
    }

    public void Remove(Trigger trigger)
    {
        if (_subscribers.Remove(trigger, out var entry))
        {
            consumers.Remove(entry.Subscriber.Config.Topic, entry.Group, entry.Subscriber);
        }
    }
}
