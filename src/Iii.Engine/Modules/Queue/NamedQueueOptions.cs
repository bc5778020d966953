using Iii.Broker;
using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Queue;

/// <summary>A queue that calls are put into with the action <c>enqueue</c>.</summary>
public sealed record NamedQueueOptions : IValidatableOptions
{
    /// <summary>Default of <see cref="MaxRetries"/>.</summary>
    public const int DefaultMaxRetries = 3;

    /// <summary>Largest <see cref="MaxPriority"/>.</summary>
    public const int HighestPriority = 255;

    /// <summary>How often a job that failed is tried again before it becomes a dead letter. Default 3: four attempts in all.</summary>
    public int MaxRetries { get; init; } = DefaultMaxRetries;

    /// <summary>Jobs that one instance works on at a time. Default 10.</summary>
    public int Concurrency { get; init; } = QueueOptions.DefaultConcurrency;

    /// <summary>
    /// Jobs that all instances together work on at a time. Default null: as many as each of them may. The instances must agree on it.
    /// </summary>
    public int? ClusterConcurrency { get; init; }

    /// <summary>Default <c>standard</c>.</summary>
    public QueueType Type { get; init; }

    /// <summary>
    /// The member of a job's input that names its group, for <c>fifo</c>. A job without it is refused. Default null: all jobs are one
    /// group.
    /// </summary>
    public string? MessageGroupField { get; init; }

    /// <summary>Pause after the first failure, in milliseconds; it doubles with each further one, up to 15 minutes. Default 1,000.</summary>
    public int BackoffMs { get; init; } = QueueOptions.DefaultBackoffMs;

    /// <summary>Accepted and not needed: jobs are pushed.</summary>
    public int? PollIntervalMs { get; init; }

    /// <summary>The highest value of <see cref="PriorityField"/>, 1 to 255; larger ones are cut to it. Default 9.</summary>
    public int MaxPriority { get; init; } = BrokerLimits.MaxPriority;

    /// <summary>The member of a job's input that is its priority, a whole number from 0. Default null: all are alike.</summary>
    public string? PriorityField { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Minimum("max_retries", MaxRetries, 0),
        .. OptionError.Range("concurrency", Concurrency, 1, BrokerLimits.MaxConcurrency),
        .. OptionError.Minimum("cluster_concurrency", ClusterConcurrency ?? 1, 1),
        .. OptionError.Minimum("backoff_ms", BackoffMs, 0),
        .. OptionError.Range("max_priority", MaxPriority, 1, HighestPriority),
        .. OptionError.Unless(
            MessageGroupField is null || Type == QueueType.Fifo,
            "message_group_field",
            "groups are kept in order by a queue of type fifo alone; write 'type: fifo', or remove the key"),
    ];
}
