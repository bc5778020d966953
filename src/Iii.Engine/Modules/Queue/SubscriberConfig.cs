using System.Text;
using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Modules.Queue;

/// <summary>The config of a trigger of this module.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="ConditionFunctionId">Decides whether the function runs; null for always.</param>
/// <param name="Retry">How often it is tried.</param>
/// <param name="Concurrency">Jobs at a time, on one instance.</param>
/// <param name="ClusterConcurrency">Jobs at a time, on all instances together; null for as many as each of them may.</param>
/// <param name="Type">Whether jobs run one after the other.</param>
/// <param name="LeaseTime">How long after an instance has vanished its jobs go to another one.</param>
/// <param name="Delay">How old a job must be.</param>
internal sealed record SubscriberConfig(
    string Topic,
    string? ConditionFunctionId,
    RetryOptions Retry,
    int Concurrency,
    int? ClusterConcurrency,
    QueueType Type,
    TimeSpan LeaseTime,
    TimeSpan Delay)
{
    /// <summary>The lease time of a trigger that does not name one.</summary>
    public static readonly TimeSpan DefaultLeaseTime = TimeSpan.FromSeconds(30);

    /// <summary>Most ignored fields that are named in the log.</summary>
    private const int MaxNamedFields = 8;

    private const int MaxSeconds = 366 * 24 * 60 * 60;

    /// <summary>Reads a config. What is not understood never keeps a trigger from being served.</summary>
    /// <param name="config">The config.</param>
    /// <param name="topic">The topic, which has been looked at.</param>
    /// <param name="countsRetries">Whether <c>maxRetries</c> is the number of attempts after the first, not that of all.</param>
    /// <param name="defaults">What holds where the config says nothing.</param>
    /// <param name="ignored">The fields that were ignored, for the log; null when there were none.</param>
    public static SubscriberConfig Read(
        ReadOnlySpan<byte> config, string topic, bool countsRetries, QueueOptions defaults, out string? ignored)
    {
        var fields = new Fields();
        var queueConfig = TriggerConfig.Find(config, "queue_config"u8);
        if (queueConfig.IsObject)
        {
            fields.Read(queueConfig.Raw);
        }
        else if (queueConfig.HasValue)
        {
            fields.Ignored.Add("queue_config");
        }

        ignored = fields.Ignored.Count == 0 ? null : string.Join(", ", fields.Ignored.Take(MaxNamedFields));
        var attempts = fields.MaxRetries is not { } retries ? defaults.MaxAttempts
            : countsRetries ? (int)Math.Min(retries + 1, int.MaxValue)
            : (int)Math.Clamp(retries, 1, int.MaxValue);
        var backoff = fields.BackoffDelayMs is { } milliseconds
            ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, RetryPolicy.MaxBackoff.TotalMilliseconds))
            : TimeSpan.FromMilliseconds(defaults.BackoffMs);
        return new SubscriberConfig(
            topic,
            TriggerConfig.ConditionFunctionId(config),
            new RetryOptions(attempts, backoff, fields.BackoffType ?? BackoffType.Exponential),
            (int)Math.Clamp(fields.Concurrency ?? defaults.Concurrency, 1, BrokerLimits.MaxConcurrency),
            fields.ClusterConcurrency is { } limit ? (int)Math.Min(limit, int.MaxValue) : null,
            fields.Type ?? defaults.Type,
            fields.VisibilityTimeout is { } seconds ? LeaseOf(seconds) : DefaultLeaseTime,
            TimeSpan.FromSeconds(Math.Min(fields.DelaySeconds ?? 0, MaxSeconds)));
    }

    private static TimeSpan LeaseOf(long seconds) => TimeSpan.FromSeconds(Math.Clamp(
        seconds, (long)QueueSubscription.MinLeaseTime.TotalSeconds, (long)QueueSubscription.MaxLeaseTime.TotalSeconds));

    /// <summary>The fields of <c>queue_config</c>, each null where it is absent or of a wrong type.</summary>
    private sealed class Fields
    {
        public List<string> Ignored { get; } = [];

        public QueueType? Type { get; private set; }

        public long? MaxRetries { get; private set; }

        public long? Concurrency { get; private set; }

        public long? ClusterConcurrency { get; private set; }

        public BackoffType? BackoffType { get; private set; }

        public long? BackoffDelayMs { get; private set; }

        public long? VisibilityTimeout { get; private set; }

        public long? DelaySeconds { get; private set; }

        public void Read(ReadOnlySpan<byte> json)
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = Encoding.UTF8.GetString(reader.ValueSpan);
                reader.Read();
                if (reader.TokenType != JsonTokenType.Null && !TryRead(name, ref reader))
                {
                    Ignored.Add(name);
                }

                reader.Skip();
            }
        }

        private bool TryRead(string name, ref Utf8JsonReader value)
        {
            switch (name)
            {
                case "type":
                    Type = TextOf(ref value) switch
                    {
                        "fifo" => QueueType.Fifo,
                        "standard" or "concurrent" => QueueType.Standard,
                        _ => null,
                    };
                    return Type is not null;
                case "maxRetries":
                    return (MaxRetries = NumberOf(ref value)) is not null;
                case "concurrency":
                    return (Concurrency = NumberOf(ref value)) is not null;
                case "clusterConcurrency":
                    ClusterConcurrency = NumberOf(ref value) is > 0 and var limit ? limit : null;
                    return ClusterConcurrency is not null;
                case "backoffType":
                    BackoffType = TextOf(ref value) switch
                    {
                        "exponential" => Queue.BackoffType.Exponential,
                        "fixed" => Queue.BackoffType.Fixed,
                        "linear" => Queue.BackoffType.Linear,
                        _ => null,
                    };
                    return BackoffType is not null;
                case "backoffDelayMs":
                    return (BackoffDelayMs = NumberOf(ref value)) is not null;
                case "visibilityTimeout":
                    return (VisibilityTimeout = NumberOf(ref value)) is not null;
                case "delaySeconds":
                    return (DelaySeconds = NumberOf(ref value)) is not null;
                default:
                    return false;
            }
        }

        /// <summary>The text, if it is one that a known word can be.</summary>
        private static string? TextOf(ref Utf8JsonReader value) =>
            value.TokenType == JsonTokenType.String && !value.ValueIsEscaped ? Encoding.UTF8.GetString(value.ValueSpan) : null;

        private static long? NumberOf(ref Utf8JsonReader value) =>
            value.TokenType == JsonTokenType.Number && value.TryGetInt64(out var number) && number is >= 0 and <= uint.MaxValue ? number : null;
    }
}
