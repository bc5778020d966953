using Iii.Engine.Triggers;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>
/// The trigger types <c>queue</c>, whose functions share the messages of a topic, and <c>durable:subscriber</c>, where each function
/// gets every message. Replicas of one function always share.
/// </summary>
internal sealed class QueueTriggerType(ConsumerTable consumers, FeatureCheck features, QueueOptions options, bool isDurable, ILogger logger)
    : ITriggerType
{
    /// <summary>The id of the type whose functions share.</summary>
    public const string QueueId = "queue";

    /// <summary>The id of the type whose functions each get every message.</summary>
    public const string DurableId = "durable:subscriber";

    /// <summary>What <see cref="QueueId"/> is, for lists.</summary>
    public const string QueueDescription = "Calls a function for each message of a topic; functions of one topic share its messages";

    /// <summary>What <see cref="DurableId"/> is, for lists.</summary>
    public const string DurableDescription = "Calls a function for each message of a topic; every function gets every message";

    private readonly Dictionary<Trigger, (string Group, Subscriber Subscriber)> _subscribers = new(ReferenceEqualityComparer.Instance);

    public string? Add(Trigger trigger)
    {
        if (ReadTopic(trigger, logger, out var problem) is not { } topic)
        {
            return problem;
        }

        var config = SubscriberConfig.Read(trigger.Config, topic, countsRetries: isDurable, options, out var ignored);
        if (ignored is not null)
        {
            logger.FieldsIgnored(trigger.Id, trigger.FunctionId, ignored);
        }

        var group = isDurable ? QueueNames.OfFunction(trigger.FunctionId) : QueueNames.SharedGroup;
        if (features.ProblemOf(config, group, consumers) is { } unsupported)
        {
            return unsupported;
        }

        var subscriber = new Subscriber(trigger, config);
        _subscribers.Add(trigger, (group, subscriber));
        consumers.Add(topic, group, subscriber);
        return null;
    }

    /// <summary>The topic of a trigger.</summary>
    /// <returns>Null when there is none that can be served: because of a problem, or, as ever, of a trigger that is listed and never fires.</returns>
    public static string? ReadTopic(Trigger trigger, ILogger logger, out string? problem)
    {
        var value = TriggerConfig.Find(trigger.Config, "topic"u8);
        if (value.GetString() is { Length: > 0 } topic)
        {
            problem = QueueNames.ProblemOf(topic) is { } reason ? $"topic: {reason}" : null;
            return problem is null ? topic : null;
        }

        problem = value.HasValue && !value.IsString ? "topic is not a string; write the name of a topic" : null;
        if (problem is null)
        {
            logger.NoTopic(trigger.Id, trigger.FunctionId);
        }

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
