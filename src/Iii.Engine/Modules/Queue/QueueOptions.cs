using System.Collections.ObjectModel;
using System.Text.Json.Serialization;
using Iii.Broker;
using Iii.Engine.Configuration;
using Iii.Engine.Hosting;

namespace Iii.Engine.Modules.Queue;

/// <summary>The queues: topics with subscribers, and named queues for calls.</summary>
/// <remarks>In the file: module <c>modules::queue::QueueModule</c>, later name <c>iii-queue</c>.</remarks>
public sealed record QueueOptions : IValidatableOptions
{
    /// <summary>The named queue that is always there.</summary>
    public const string DefaultQueue = "default";

    /// <summary>Default of <see cref="MaxAttempts"/>.</summary>
    public const int DefaultMaxAttempts = 3;

    /// <summary>Default of <see cref="BackoffMs"/>.</summary>
    public const int DefaultBackoffMs = 1_000;

    /// <summary>Default of <see cref="Concurrency"/>.</summary>
    public const int DefaultConcurrency = 10;

    /// <summary>Default of <see cref="JobTimeoutMs"/>: a day.</summary>
    public const int DefaultJobTimeoutMs = 24 * 60 * 60 * 1_000;

    /// <summary>Most named queues.</summary>
    public const int MaxQueueConfigs = 1_000;

    /// <summary>Attempts at a job of a topic before it becomes a dead letter. Default 3. A trigger may say otherwise.</summary>
    public int MaxAttempts { get; init; } = DefaultMaxAttempts;

    /// <summary>Pause after the first failure, in milliseconds. Default 1,000. A trigger may say otherwise.</summary>
    public int BackoffMs { get; init; } = DefaultBackoffMs;

    /// <summary>Jobs that one instance works on at a time for one subscriber. Default 10. A trigger may say otherwise.</summary>
    public int Concurrency { get; init; } = DefaultConcurrency;

    /// <summary>How topics hand out their jobs where a trigger does not say. Default <c>standard</c>.</summary>
    public QueueType Type { get; init; }

    /// <summary>
    /// How long a function may work on a job, in milliseconds. Default a day. Then the attempt has failed; the function is not told.
    /// </summary>
    public int JobTimeoutMs { get; init; } = DefaultJobTimeoutMs;

    /// <summary>Named queues. Default null: <c>default</c> alone, which is there even if it is not listed.</summary>
    public IReadOnlyDictionary<string, NamedQueueOptions>? QueueConfigs { get; init; }

    /// <summary>
    /// Where jobs are kept. Default null: where the instances meet (<see cref="EngineConfiguration.Broker"/>). An engine of one instance
    /// without a broker keeps them in a file, if its host has the adapter <see cref="EmbeddedAdapter"/>, or else in memory.
    /// </summary>
    [JsonIgnore]
    public BrokerOptions? Adapter { get; init; }

    /// <summary>
    /// The worker port of another engine whose queues stand in for queues here. Default null: none. With it, of the other options
    /// <see cref="JobTimeoutMs"/> alone has a meaning.
    /// </summary>
    [JsonIgnore]
    public string? BridgeUrl { get; init; }

    /// <summary>The adapter that keeps jobs in a file on this machine.</summary>
    public const string EmbeddedAdapter = "embedded";

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate()
    {
        List<OptionError> errors =
        [
            .. OptionError.Minimum("max_attempts", MaxAttempts, 1),
            .. OptionError.Minimum("backoff_ms", BackoffMs, 0),
            .. OptionError.Range("concurrency", Concurrency, 1, BrokerLimits.MaxConcurrency),
            .. OptionError.Minimum("job_timeout_ms", JobTimeoutMs, 1),
            .. OptionError.Unless(
                (QueueConfigs?.Count ?? 0) <= MaxQueueConfigs,
                "queue_configs",
                $"{QueueConfigs?.Count} queues are too many; list at most {MaxQueueConfigs}"),
        ];
        foreach (var (name, queue) in QueueConfigs ?? ReadOnlyDictionary<string, NamedQueueOptions>.Empty)
        {
            var path = $"queue_configs.{name}";
            errors.AddRange(OptionError.Unless(QueueNames.ProblemOf(name) is null, path, $"{QueueNames.ProblemOf(name)} Give the queue another name"));
            errors.AddRange(queue.Validate().Select(error => error with { Path = $"{path}.{error.Path}" }));
        }

        return errors;
    }

    /// <summary>The names of all named queues, sorted.</summary>
    internal IReadOnlyList<string> AllQueues =>
        [.. (QueueConfigs?.Keys ?? []).Append(DefaultQueue).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>The options of a named queue; null when there is no such queue.</summary>
    internal NamedQueueOptions? Find(string queue) =>
        QueueConfigs?.GetValueOrDefault(queue) is { } options ? options : queue == DefaultQueue ? new NamedQueueOptions() : null;
}
