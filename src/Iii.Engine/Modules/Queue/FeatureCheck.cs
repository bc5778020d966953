using Iii.Broker;
using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Queue;

/// <summary>
/// Refuses what asks for more than the broker declares, as soon as it is configured or registered: else it would be accepted, and its jobs
/// would never come.
/// </summary>
/// <param name="broker">The broker.</param>
/// <param name="adapter">What it is called in messages.</param>
internal sealed class FeatureCheck(IQueueBroker broker, string adapter)
{
    private const string Elsewhere = "or have the jobs kept by one that does, such as 'redis' (`adapter` of modules::queue::QueueModule)";

    private string NoOrder => $"the adapter '{adapter}' does not keep jobs in order; write 'standard' instead of 'fifo', {Elsewhere}";

    private string NoPriority => $"the adapter '{adapter}' does not know priorities; remove the key, {Elsewhere}";

    /// <summary>What the options ask for in vain.</summary>
    public IEnumerable<OptionError> ProblemsOf(QueueOptions options) =>
    [
        .. OptionError.Unless(CanKeep(options.Type), "type", NoOrder),
        .. options.AllQueues.SelectMany(name => ProblemsOf($"queue_configs.{name}", options.Find(name)!)),
    ];

    /// <summary>What a subscriber asks for in vain; null for nothing.</summary>
    /// <param name="config">Its config.</param>
    /// <param name="group">The group that it would join.</param>
    /// <param name="consumers">Those that there are.</param>
    public string? ProblemOf(SubscriberConfig config, string group, ConsumerTable consumers) =>
        !CanKeep(config.Type) ? $"queue_config.type: {NoOrder}"
        : !Has(BrokerFeatures.Groups) && consumers.FindOtherGroup(config.Topic, group) is { } other ? $"topic: {NoCopies(other)}"
        : null;

    private IEnumerable<OptionError> ProblemsOf(string path, NamedQueueOptions queue) =>
    [
        .. OptionError.Unless(CanKeep(queue.Type), $"{path}.type", NoOrder),
        .. OptionError.Unless(queue.PriorityField is null || Has(BrokerFeatures.Priority), $"{path}.priority_field", NoPriority),
    ];

    private string NoCopies(string group) =>
        $"the adapter '{adapter}' does not copy jobs for several groups of subscribers, and this topic has one, '{group}'; use a topic for each, {Elsewhere}";

    private bool CanKeep(QueueType type) => type != QueueType.Fifo || Has(BrokerFeatures.OrderingKeys);

    private bool Has(BrokerFeatures feature) => broker.Features.HasFlag(feature);
}
