using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>The messages on their way to one queue.</summary>
internal sealed class QueueOutbox(RedisQueueBroker broker, string queue) : Outbox<EnqueueBatch, EnqueueCall>(MaxInFlight)
{
    /// <summary>A call of a script costs Redis so much by itself that larger batches are worth the wait.</summary>
    private const int MaxInFlight = 1;

    private const string Unregistered = "unregistered";

    private readonly RedisKey[] _keys = [broker.Connection.Names.Queue(queue)];

    public string Queue => queue;

    protected override EnqueueBatch CreateBatch() => new();

    protected override void Send(EnqueueBatch batch) => _ = SendAsync(batch);

    protected override void OnIdle() => broker.OnIdle(this);

    /// <summary>It never fails: its callers do.</summary>
    private async Task SendAsync(EnqueueBatch batch)
    {
        try
        {
            var arguments = batch.Arguments(broker.Connection.PublishCommand, broker.Limits.MaxQueueLength);
            var reply = await broker.RunAsync(QueueScripts.Enqueue, _keys, arguments).ConfigureAwait(false);
            if (reply.Resp2Type == ResultType.BulkString && (string?)reply == Unregistered)
            {
                await broker.RegisterAsync(queue).ConfigureAwait(false);
                reply = await broker.RunAsync(QueueScripts.Enqueue, _keys, arguments).ConfigureAwait(false);
            }

            batch.Complete(reply, queue, broker.Limits.MaxQueueLength, broker.Durability);
        }
        catch (BrokerException exception)
        {
            batch.Fail(exception);
        }
#pragma warning disable CA1031 // Whatever it was, nobody may wait for ever; the callers are told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            batch.Fail(new BrokerException(
                BrokerErrorCodes.BrokerUnavailable, $"Redis answered something unexpected; the message may be stored. {exception.Message}", exception));
        }
        finally
        {
            broker.Room.Release(batch.CountedBytes);
            OnSent();
        }
    }
}
