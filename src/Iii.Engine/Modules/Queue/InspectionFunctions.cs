using System.Text;
using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>The functions that show what there is: topics, their counts, their dead letters.</summary>
/// <param name="broker">The broker.</param>
/// <param name="adapter">What it is called in lists.</param>
/// <param name="options">The module's options.</param>
/// <param name="consumers">Knows the topics that somebody subscribes to.</param>
/// <param name="locator">Finds queues by their names.</param>
internal sealed class InspectionFunctions(
    IQueueBroker broker, string adapter, QueueOptions options, ConsumerTable consumers, QueueLocator locator)
{
    /// <summary>Most rows of one answer.</summary>
    public const int MaxRows = 1_000;

    /// <summary>Most dead letters that are looked at for one answer.</summary>
    public const int MaxLookedAt = 100_000;

    /// <summary>Most bytes of payloads and errors in one answer; then it ends early.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    private const int DefaultMessages = 50;

    public void AddTo(EngineFunctions engine)
    {
        Add(engine, "engine::queue::list_topics", "Lists topics and queues", ListTopicsAsync);
        Add(engine, "engine::queue::topic_stats", "Shows the counts of a topic or queue", TopicStatsAsync);
        Add(engine, "engine::queue::dlq_topics", "Lists topics and queues with dead letters", DeadTopicsAsync);
        Add(engine, "engine::queue::dlq_messages", "Lists dead letters of a topic or queue", DeadMessagesAsync);
    }

    private static void Add(
        EngineFunctions engine, string id, string description, Func<EngineCall, JsonElement, ValueTask<ReadOnlyMemory<byte>>> run) =>
        engine.Add(id, description, (call, _) => QueueFunctions.RunAsync(call, QueueErrorCodes.InspectionFailed, run));

    private async ValueTask<ReadOnlyMemory<byte>> ListTopicsAsync(EngineCall call, JsonElement input)
    {
        var rows = await PageAsync(call, input, static _ => true);
        return EngineFunctions.Write(writer =>
        {
            writer.WriteStartArray();
            foreach (var (queue, stats) in rows)
            {
                WriteRowStart(writer, queue);
                writer.WriteNumber("subscriber_count", stats?.Groups.Sum(static group => group.Consumers) ?? 0);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
    }

    private async ValueTask<ReadOnlyMemory<byte>> DeadTopicsAsync(EngineCall call, JsonElement input)
    {
        var rows = await PageAsync(call, input, static stats => stats?.Groups.Any(static group => group.Dead > 0) == true);
        return EngineFunctions.Write(writer =>
        {
            writer.WriteStartArray();
            foreach (var (queue, stats) in rows)
            {
                WriteRowStart(writer, queue);
                writer.WriteNumber("message_count", stats!.Groups.Sum(static group => group.Dead));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
    }

    private async ValueTask<ReadOnlyMemory<byte>> TopicStatsAsync(EngineCall call, JsonElement input)
    {
        var queue = await locator.FindAsync(call, input);
        var stats = await Inspection().GetStatsAsync(queue.Queue) ?? new QueueStats(queue.Queue, 0, []);
        return EngineFunctions.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("depth", stats.Unbound + stats.Groups.Sum(static group => group.Waiting + group.Delayed + group.Delivering));
            writer.WriteNumber("consumer_count", stats.Groups.Sum(static group => group.Consumers));
            writer.WriteNumber("dlq_depth", stats.Groups.Sum(static group => group.Dead));
            WriteConfig(writer, queue);
            writer.WriteStartArray("groups");
            foreach (var group in stats.Groups)
            {
                writer.WriteStartObject();
                writer.WriteString("group", group.Group);
                writer.WriteNumber("waiting", group.Waiting);
                writer.WriteNumber("delayed", group.Delayed);
                writer.WriteNumber("delivering", group.Delivering);
                writer.WriteNumber("dead", group.Dead);
                writer.WriteNumber("consumers", group.Consumers);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    private async ValueTask<ReadOnlyMemory<byte>> DeadMessagesAsync(EngineCall call, JsonElement input)
    {
        var deadLetters = DeadLetterFunctions.DeadLettersOf(broker);
        var filter = DeadLetterFilter.Read(call, input);
        var offset = QueueFunctions.Number(call, input, "offset", 0, MaxLookedAt);
        var limit = QueueFunctions.Number(call, input, "limit", DefaultMessages, MaxRows);
        var queue = await locator.FindAsync(call, input);
        List<DeadLetterRecord> found = [];
        var (lookedAt, bytes) = (0, 0L);
        foreach (var group in await locator.GroupsAsync(call, input, queue))
        {
            if (IsEnough())
            {
                break;
            }

            await foreach (var record in DeadLetterFunctions.ReadAsync(deadLetters, queue.Queue, group))
            {
                if (IsEnough())
                {
                    break;
                }

                lookedAt++;
                if (filter.Fits(record) && --offset < 0)
                {
                    found.Add(record);
                    bytes += SizeOf(record);
                }
            }
        }

        return EngineFunctions.Write(writer =>
        {
            writer.WriteStartArray();
            found.ForEach(record => Write(writer, record));
            writer.WriteEndArray();
        });

        bool IsEnough() => found.Count >= limit || bytes >= MaxBytes || lookedAt >= MaxLookedAt;
    }

    private static long SizeOf(DeadLetterRecord record) => record.Payload.Length
        + Encoding.UTF8.GetByteCount(record.Reason.Message)
        + record.Failures.Sum(static failure => Encoding.UTF8.GetByteCount(failure.Failure.Message));

    private static void Write(Utf8JsonWriter writer, DeadLetterRecord record)
    {
        writer.WriteStartObject();
        writer.WriteString("id", record.MessageId);
        writer.WritePropertyName("payload");
        if (JobRunner.IsJson(record.Payload.Span))
        {
            writer.WriteRawValue(record.Payload.Span, skipInputValidation: true);
        }
        else
        {
            writer.WriteStringValue(Encoding.UTF8.GetString(record.Payload.Span));
        }

        writer.WriteString("error", $"{record.Reason.Code}: {record.Reason.Message}");
        writer.WriteString("error_code", record.Reason.Code);
        writer.WriteNumber("failed_at", record.DeadAt.ToUnixTimeMilliseconds());
        writer.WriteNumber("enqueued_at", record.EnqueuedAt.ToUnixTimeMilliseconds());
        writer.WriteNumber("retries", RetryPolicy.CountRetries(record.Failures));
        writer.WriteNumber("size_bytes", record.Payload.Length);
        writer.WriteString("group", record.Group);
        writer.WriteString("function_id", DeadLetterFilter.FunctionOf(record));
        writer.WriteStartArray("attempts");
        foreach (var failure in record.Failures)
        {
            writer.WriteStartObject();
            writer.WriteNumber("attempt", failure.Attempt);
            writer.WriteNumber("failed_at", failure.At.ToUnixTimeMilliseconds());
            writer.WriteString("error_code", failure.Failure.Code);
            writer.WriteString("error", failure.Failure.Message);
            writer.WriteString("worker", failure.Failure.Worker);
            writer.WriteString("trace_id", failure.Failure.TraceId);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private void WriteRowStart(Utf8JsonWriter writer, string queue)
    {
        writer.WriteStartObject();
        writer.WriteString("name", QueueNames.Shown(queue, out var isTopic));
        writer.WriteString("topic", QueueNames.Shown(queue, out _));
        writer.WriteString("kind", isTopic ? "topic" : "queue");
        writer.WriteString("broker_type", adapter);
    }

    private void WriteConfig(Utf8JsonWriter writer, LocatedQueue queue)
    {
        writer.WriteStartObject("config");
        QueueNames.Shown(queue.Queue, out var isTopic);
        if (!isTopic && options.Find(queue.Shown) is { } named)
        {
            writer.WriteNumber("max_retries", named.MaxRetries);
            writer.WriteNumber("concurrency", named.Concurrency);
            if (named.ClusterConcurrency is { } limit)
            {
                writer.WriteNumber("cluster_concurrency", limit);
            }

            writer.WriteString("type", named.Type == QueueType.Fifo ? "fifo" : "standard");
            writer.WriteString("message_group_field", named.MessageGroupField);
            writer.WriteNumber("backoff_ms", named.BackoffMs);
        }

        writer.WriteEndObject();
    }

    /// <summary>The queues of this module that fit, sorted by the broker's names, as far as the input's offset and limit say.</summary>
    private async ValueTask<List<(string Queue, QueueStats? Stats)>> PageAsync(EngineCall call, JsonElement input, Func<QueueStats?, bool> fits)
    {
        var offset = QueueFunctions.Number(call, input, "offset", 0, int.MaxValue);
        var limit = QueueFunctions.Number(call, input, "limit", MaxRows, MaxRows);
        var inspection = Inspection();
        List<(string, QueueStats?)> rows = [];
        foreach (var queue in await NamesAsync(inspection))
        {
            if (rows.Count >= limit)
            {
                break;
            }

            var stats = await inspection.GetStatsAsync(queue);
            if (fits(stats) && --offset < 0)
            {
                rows.Add((queue, stats));
            }
        }

        return rows;
    }

    /// <summary>What the broker has, and what somebody subscribes to or has configured.</summary>
    private async ValueTask<SortedSet<string>> NamesAsync(IQueueInspection inspection)
    {
        var names = new SortedSet<string>(BrokerNames.Utf8Order);
        names.UnionWith(consumers.Topics().Select(QueueNames.OfTopic));
        names.UnionWith(options.AllQueues.Select(QueueNames.OfNamed));
        var page = new PageRequest { Limit = BrokerLimits.MaxPageSize };
        while (true)
        {
            var read = await inspection.ListQueuesAsync(page);
            names.UnionWith(read.Items.Where(static queue => QueueNames.Shown(queue, out _) is not null));
            if (read.Next is null)
            {
                return names;
            }

            page = page with { After = read.Next };
        }
    }

    private IQueueInspection Inspection() => broker as IQueueInspection ?? throw new BrokerException(
        BrokerErrorCodes.NotSupported, "The broker does not tell what it has; use its own tools.");
}
