using StackExchange.Redis;

namespace Iii.Adapters.Redis.Bus;

/// <summary>The frames on their way to one subject.</summary>
internal sealed class SubjectOutbox(RedisMessageBus bus, string subject, RedisChannel channel)
    : Outbox<FrameBatch, ReadOnlySpan<byte>>(MaxInFlight)
{
    private const int MaxInFlight = 2;

    public string Subject => subject;

    protected override FrameBatch CreateBatch() => new();

    protected override void Send(FrameBatch batch)
    {
        Task<long> sending;
        try
        {
            bus.Connection.CheckUp();
            sending = bus.Connection.Subscriber.PublishAsync(channel, batch.Bytes);
        }
        catch (Exception exception) when (exception is BrokerException || RedisConnection.IsFailure(exception))
        {
            OnFailed(batch, exception);
            return;
        }

        var awaiter = sending.ConfigureAwait(false).GetAwaiter();
        if (awaiter.IsCompleted)
        {
            OnAnswered(batch, sending);
        }
        else
        {
            awaiter.UnsafeOnCompleted(() => OnAnswered(batch, sending));
        }
    }

    protected override void OnIdle() => bus.OnIdle(this);

    private void OnAnswered(FrameBatch batch, Task<long> sending)
    {
        if (sending.IsCompletedSuccessfully)
        {
            bus.Room.Release(batch.CountedBytes);
            OnSent();
            batch.Complete(sending.Result > 0 ? PublishOutcome.Sent : PublishOutcome.NobodyListens);
        }
        else
        {
            OnFailed(batch, sending.Exception?.InnerException ?? new TimeoutException());
        }
    }

    private void OnFailed(FrameBatch batch, Exception exception)
    {
        bus.Room.Release(batch.CountedBytes);
        OnSent();
        batch.Fail(exception as BrokerException ?? bus.Connection.Unavailable(exception));
    }
}
