using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>Binds a group and makes a consumer one of its own.</summary>
internal sealed class JoinOperation(QueueStore store, SqliteConsumer consumer) : Operation<IAsyncDisposable>
{
    public override void Execute()
    {
        store.GetOrAddQueue(consumer.Subscription.Queue).Bind(consumer);
        Result = consumer;
    }

    public override void Fail(Exception exception)
    {
        consumer.Group?.Remove(consumer);
        base.Fail(exception);
    }
}
