using System.Text;
using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Configuration;
using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>Puts calls with the action <c>enqueue</c> into named queues.</summary>
internal sealed class CallEnqueuer(QueueOptions options, JobProducer producer, ILogger logger)
{
    /// <summary>Enqueues a call.</summary>
    /// <param name="queue">The member <c>queue</c> of the action.</param>
    /// <param name="functionId">The function to be called.</param>
    /// <param name="data">Its input, which does not change any more; empty means <c>null</c>.</param>
    /// <param name="traceParent">The caller's trace context, or absent.</param>
    /// <param name="baggage">The caller's baggage, or absent.</param>
    /// <param name="pending">Ended with the receipt, or with <c>enqueue_error</c>; null when nobody waits.</param>
    public void Enqueue(
        JsonSlice queue, string functionId, ReadOnlyMemory<byte> data, JsonSlice traceParent, JsonSlice baggage, PendingInvocation? pending)
    {
        if (data.IsEmpty)
        {
            data = "null"u8.ToArray();
        }

        var name = queue.GetString();
        var target = name is null ? null : options.Find(name);
        var wishes = EnqueueOptions.None;
        string? problem;
        if (name is null)
        {
            problem = "the action has no string 'queue' that names one";
        }
        else if (target is null)
        {
            problem = $"there is no queue {DisplayText.Quote(name)}; list it in queue_configs of modules::queue::QueueModule";
        }
        else
        {
            problem = Wishes(target, data.Span, out wishes);
        }

        if (problem is not null)
        {
            Refuse(functionId, problem, pending);
            return;
        }

        _ = EnqueueAsync(QueueNames.OfNamed(name!), functionId, data, JobHeaders.Write(functionId, traceParent, baggage), wishes, pending);
    }

    /// <summary>What the queue's options make of an input.</summary>
    private static string? Wishes(NamedQueueOptions queue, ReadOnlySpan<byte> data, out EnqueueOptions wishes)
    {
        wishes = EnqueueOptions.None;
        if (queue.MessageGroupField is { } groupField)
        {
            var group = Field(data, groupField);
            if (!group.HasValue)
            {
                return $"the queue keeps jobs in order by their field {DisplayText.Quote(groupField)}, which is missing or null in the input";
            }

            wishes = wishes with { OrderingKey = group.GetString() ?? Encoding.UTF8.GetString(group.Raw) };
        }

        if (queue.PriorityField is { } priorityField && Priority(Field(data, priorityField), queue.MaxPriority) is > 0 and var priority)
        {
            wishes = wishes with { Priority = priority };
        }

        return null;
    }

    private static JsonSlice Field(ReadOnlySpan<byte> data, string name) => new JsonSlice(data).Find(Encoding.UTF8.GetBytes(name));

    /// <summary>A priority on the broker's scale: as it is if that has as many steps, or else in proportion.</summary>
    private static int Priority(JsonSlice field, int highest)
    {
        if (!field.HasValue)
        {
            return 0;
        }

        var reader = new Utf8JsonReader(field.Raw, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        reader.Read();
        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetDouble(out var value))
        {
            return 0;
        }

        var priority = (int)Math.Clamp(value, 0, highest);
        return highest <= BrokerLimits.MaxPriority ? priority : (int)Math.Ceiling((double)priority * BrokerLimits.MaxPriority / highest);
    }

    private async Task EnqueueAsync(
        string queue,
        string functionId,
        ReadOnlyMemory<byte> data,
        IReadOnlyDictionary<string, string> headers,
        EnqueueOptions wishes,
        PendingInvocation? pending)
    {
        try
        {
            var receipt = await producer.EnqueueAsync(queue, data, headers, wishes);
            pending?.Complete(InvocationOutcome.Success(JobReceipt.Write(receipt.MessageId)));
        }
        catch (Exception e)
        {
            Refuse(functionId, e.Message, pending);
        }
    }

    private void Refuse(string functionId, string problem, PendingInvocation? pending)
    {
        if (pending is null)
        {
            logger.CallNotEnqueued(DisplayText.Clip(functionId), problem);
        }

        pending?.Complete(InvocationOutcome.Failure(ErrorCodes.EnqueueError, $"{functionId} was not enqueued: {problem}"));
    }
}
