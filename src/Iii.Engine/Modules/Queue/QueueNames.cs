using System.Security.Cryptography;
using System.Text;
using Iii.Broker;

namespace Iii.Engine.Modules.Queue;

/// <summary>What the queues and groups of this module are called in the broker.</summary>
internal static class QueueNames
{
    /// <summary>The group in which the functions of a topic's <c>queue</c> triggers compete, and the one group of a named queue.</summary>
    public const string SharedGroup = QueueSubscription.DefaultGroup;

    private const string TopicPrefix = "topic:";
    private const string NamedPrefix = "queue:";
    private const string FunctionPrefix = "fn:";

    /// <summary>The broker's queue of a topic.</summary>
    public static string OfTopic(string topic) => TopicPrefix + topic;

    /// <summary>The broker's queue of a named queue.</summary>
    public static string OfNamed(string queue) => NamedPrefix + queue;

    /// <summary>The group in which the replicas of one function compete.</summary>
    public static string OfFunction(string functionId)
    {
        var name = FunctionPrefix + functionId;
        return Check(name) is null ? name : FunctionPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(functionId)));
    }

    /// <summary>The name as users know it; null for a queue that is not of this module.</summary>
    public static string? Shown(string queue, out bool isTopic)
    {
        isTopic = queue.StartsWith(TopicPrefix, StringComparison.Ordinal);
        return isTopic ? queue[TopicPrefix.Length..]
            : queue.StartsWith(NamedPrefix, StringComparison.Ordinal) ? queue[NamedPrefix.Length..]
            : null;
    }

    /// <summary>Why something cannot be the name of a topic or a queue; null when it can.</summary>
    public static string? ProblemOf(string name) => name.Length == 0 ? "The name is empty." : Check(OfTopic(name));

    private static string? Check(string name)
    {
        try
        {
            BrokerNames.CheckName("name", name);
            return null;
        }
        catch (BrokerException e)
        {
            return e.Message;
        }
    }
}
