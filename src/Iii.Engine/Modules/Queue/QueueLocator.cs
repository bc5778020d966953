using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>One queue of the broker, found by the name that a user gave.</summary>
/// <param name="Shown">The name.</param>
/// <param name="Queue">The broker's queue.</param>
internal sealed record LocatedQueue(string Shown, string Queue);

/// <summary>Finds queues by the names that users give.</summary>
/// <remarks>
/// Topics and named queues may have the same names. The key of the input says what is meant first, <c>queue</c> or <c>topic</c>; where
/// there is no such thing, the other one is.
/// </remarks>
internal sealed class QueueLocator(IQueueBroker broker, QueueOptions options, ConsumerTable consumers)
{
    /// <summary>Finds the queue that an input names.</summary>
    public async ValueTask<LocatedQueue> FindAsync(EngineCall call, JsonElement input)
    {
        if (EngineFunctions.Text(call, input, "queue") is { Length: > 0 } queue)
        {
            return new LocatedQueue(queue, options.Find(queue) is null ? QueueNames.OfTopic(queue) : QueueNames.OfNamed(queue));
        }

        if (EngineFunctions.Text(call, input, "topic") is not { Length: > 0 } topic)
        {
            throw new EngineFunctionException(QueueErrorCodes.QueueNotSet, "Queue is not set: write the name of a topic or a queue as 'queue'");
        }

        var isTopic = options.Find(topic) is null
            || consumers.GroupsOf(topic).Length > 0
            || (broker is IQueueInspection inspection && await inspection.GetStatsAsync(QueueNames.OfTopic(topic)) is not null);
        return new LocatedQueue(topic, isTopic ? QueueNames.OfTopic(topic) : QueueNames.OfNamed(topic));
    }

    /// <summary>
    /// The groups of a queue whose dead letters are meant: one that is named, or all that the broker can tell of. Of a broker that tells
    /// of none, those that somebody subscribes to now, and the one of the function that is named.
    /// </summary>
    public async ValueTask<IReadOnlyList<string>> GroupsAsync(EngineCall call, JsonElement input, LocatedQueue queue)
    {
        if (EngineFunctions.Text(call, input, "group") is { Length: > 0 } group)
        {
            return [group];
        }

        if (broker is IQueueInspection inspection)
        {
            return await inspection.GetStatsAsync(queue.Queue) is { } stats ? [.. stats.Groups.Select(static group => group.Group)] : [];
        }

        SortedSet<string> groups = new(BrokerNames.Utf8Order) { QueueNames.SharedGroup };
        if (QueueNames.Shown(queue.Queue, out var isTopic) is { } topic && isTopic)
        {
            groups.UnionWith(consumers.GroupsOf(topic));
            if (EngineFunctions.Text(call, input, "function_id") is { } functionId)
            {
                groups.Add(QueueNames.OfFunction(functionId));
            }
        }

        return [.. groups];
    }
}
