using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>The functions that decide about single messages: dead letters, and jobs to be taken back.</summary>
internal sealed class DeadLetterFunctions(IQueueBroker broker, QueueLocator locator, TimeProvider time)
{
    /// <summary>Most dead letters that one call of <c>iii::queue::redrive</c> puts back.</summary>
    public const int MaxRedriven = 10_000;

    /// <summary>How long one call puts dead letters back before it answers.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromMinutes(5);

    /// <summary>Most that are put back in one step.</summary>
    private const int MaxBatch = 500;

    private const int PageSize = 1_000;

    public void AddTo(EngineFunctions engine)
    {
        engine.Add("iii::queue::redrive", "Puts dead letters of a queue back", (call, _) =>
            QueueFunctions.RunAsync(call, QueueErrorCodes.RedriveFailed, RedriveAsync));
        engine.Add("iii::queue::redrive_message", "Puts one dead letter back", (call, _) =>
            QueueFunctions.RunAsync(call, QueueErrorCodes.RedriveMessageFailed, RedriveMessageAsync));
        engine.Add("iii::queue::discard_message", "Deletes one dead letter", (call, _) =>
            QueueFunctions.RunAsync(call, QueueErrorCodes.DiscardMessageFailed, DiscardMessageAsync));
        engine.Add("iii::queue::cancel", "Takes back a job that has not begun", (call, _) =>
            QueueFunctions.RunAsync(call, QueueErrorCodes.CancelFailed, CancelAsync));
        engine.Add("iii::queue::remove_subscriber", "Deletes what is kept for a durable subscriber that will not come back", (call, _) =>
            QueueFunctions.RunAsync(call, QueueErrorCodes.RemoveSubscriberFailed, RemoveSubscriberAsync));
    }

    private async ValueTask<ReadOnlyMemory<byte>> RedriveAsync(EngineCall call, JsonElement input)
    {
        var deadLetters = DeadLettersOf(broker);
        var filter = DeadLetterFilter.Read(call, input);
        var isDry = EngineFunctions.Flag(call, input, "dry_run");
        var rate = QueueFunctions.Number(call, input, "max_per_second", 0, 1_000_000);
        var limit = QueueFunctions.Number(call, input, "limit", MaxRedriven, MaxRedriven);
        var queue = await locator.FindAsync(call, input);
        var pace = new Pace(rate, time);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var (redriven, isComplete) = (0, true);
        var (batch, stride) = (new List<string>(), pace.Stride(MaxBatch));
        foreach (var group in await locator.GroupsAsync(call, input, queue))
        {
            if (!isComplete)
            {
                break;
            }

            await foreach (var record in ReadAsync(deadLetters, queue.Queue, group))
            {
                if (pace.Elapsed > MaxDuration)
                {
                    isComplete = false;
                    break;
                }

                // One that failed again meanwhile is behind the others once more.
                if (!filter.Fits(record) || !seen.Add($"{group}\n{record.MessageId}"))
                {
                    continue;
                }

                if (seen.Count > limit)
                {
                    isComplete = false;
                    seen.Remove($"{group}\n{record.MessageId}");
                    break;
                }

                batch.Add(record.MessageId);
                if (batch.Count == stride)
                {
                    await RedriveBatchAsync(group);
                }
            }

            await RedriveBatchAsync(group);
        }

        return EngineFunctions.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("queue", queue.Shown);
            writer.WriteNumber("redriven", redriven);
            writer.WriteNumber("matched", seen.Count);
            writer.WriteBoolean("complete", isComplete);
            writer.WriteEndObject();
        });

        async ValueTask RedriveBatchAsync(string group)
        {
            if (!isDry && batch.Count > 0)
            {
                await pace.WaitAsync(batch.Count);
                redriven += await deadLetters.RedriveAsync(queue.Queue, group, batch);
            }

            batch.Clear();
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> RedriveMessageAsync(EngineCall call, JsonElement input)
    {
        var deadLetters = DeadLettersOf(broker);
        var (queue, id, done) = await ForEachGroupAsync(call, input, deadLetters.RedriveAsync);
        return Answer(queue, id, done, "redriven");
    }

    private async ValueTask<ReadOnlyMemory<byte>> DiscardMessageAsync(EngineCall call, JsonElement input)
    {
        var deadLetters = DeadLettersOf(broker);
        var (queue, id, done) = await ForEachGroupAsync(call, input, deadLetters.DiscardAsync);

        // Clients of the function's own era look for the count under the name that redriving has.
        return Answer(queue, id, done, "discarded", "redriven");
    }

    private async ValueTask<ReadOnlyMemory<byte>> CancelAsync(EngineCall call, JsonElement input)
    {
        var cancellation = broker as IMessageCancellation
            ?? throw new BrokerException(BrokerErrorCodes.NotSupported, "The broker cannot take messages back; choose an adapter that can.");
        var queue = await locator.FindAsync(call, input);
        var id = MessageId(call, input);
        return Answer(queue, id, await cancellation.CancelAsync(queue.Queue, id), "cancelled");
    }

    private async ValueTask<ReadOnlyMemory<byte>> RemoveSubscriberAsync(EngineCall call, JsonElement input)
    {
        if (EngineFunctions.Text(call, input, "topic") is not { Length: > 0 } topic)
        {
            throw new EngineFunctionException(QueueErrorCodes.TopicNotSet, "Topic is not set");
        }

        if (EngineFunctions.Text(call, input, "function_id") is not { Length: > 0 } functionId)
        {
            throw new EngineFunctionException(QueueErrorCodes.FunctionIdNotSet, "Function id is not set: write the subscriber's function as 'function_id'");
        }

        var isRemoved = await broker.RemoveGroupAsync(QueueNames.OfTopic(topic), QueueNames.OfFunction(functionId));
        return EngineFunctions.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("topic", topic);
            writer.WriteString("function_id", functionId);
            writer.WriteNumber("removed", isRemoved ? 1 : 0);
            writer.WriteEndObject();
        });
    }

    private async ValueTask<(LocatedQueue Queue, string MessageId, bool IsDone)> ForEachGroupAsync(
        EngineCall call, JsonElement input, Func<string, string, string, CancellationToken, ValueTask<bool>> act)
    {
        var queue = await locator.FindAsync(call, input);
        var id = MessageId(call, input);
        var isDone = false;
        foreach (var group in await locator.GroupsAsync(call, input, queue))
        {
            isDone |= await act(queue.Queue, group, id, CancellationToken.None);
        }

        return (queue, id, isDone);
    }

    /// <summary>The dead letters of a group, oldest first, page by page.</summary>
    internal static async IAsyncEnumerable<DeadLetterRecord> ReadAsync(IDeadLetters deadLetters, string queue, string group)
    {
        var page = new PageRequest { Limit = PageSize };
        while (true)
        {
            var read = await deadLetters.ListAsync(queue, group, page);
            foreach (var record in read.Items)
            {
                yield return record;
            }

            if (read.Next is null)
            {
                yield break;
            }

            page = page with { After = read.Next };
        }
    }

    internal static IDeadLetters DeadLettersOf(IQueueBroker broker) => broker as IDeadLetters ?? throw new BrokerException(
        BrokerErrorCodes.NotSupported, "The broker keeps dead letters where only its own tools find them.");

    private static string MessageId(EngineCall call, JsonElement input) =>
        EngineFunctions.Text(call, input, "message_id") is { Length: > 0 } id
            ? id
            : throw new EngineFunctionException(QueueErrorCodes.MessageIdNotSet, "Message id is not set: write the id of a receipt or a dead letter as 'message_id'");

    private static ReadOnlyMemory<byte> Answer(LocatedQueue queue, string id, bool isDone, params string[] names) => EngineFunctions.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("queue", queue.Shown);
        writer.WriteString("message_id", id);
        foreach (var name in names)
        {
            writer.WriteNumber(name, isDone ? 1 : 0);
        }

        writer.WriteEndObject();
    });
}
