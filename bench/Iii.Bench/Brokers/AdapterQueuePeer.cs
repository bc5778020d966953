using Iii.Broker;

namespace Iii.Bench.Brokers;

/// <summary>Jobs through the seam.</summary>
internal sealed class AdapterQueuePeer : IQueuePeer
{
    private readonly JobTable _jobs = new();
    private readonly string _queue = $"bench-{Guid.NewGuid():N}";
    private readonly IQueueBroker _broker;
    private readonly IAsyncDisposable _connection;

    private AdapterQueuePeer(IQueueBroker broker, IAsyncDisposable connection) => (_broker, _connection) = (broker, connection);

    public static async Task<IQueuePeer> StartAsync(IQueueBroker broker, IAsyncDisposable connection, int concurrency)
    {
        var peer = new AdapterQueuePeer(broker, connection);
        await broker.ConsumeAsync(new QueueSubscription(peer._queue) { Concurrency = concurrency }, (delivery, _) =>
        {
            peer._jobs.End(delivery.Payload.Span);
            return ValueTask.FromResult(QueueVerdict.Ack);
        });
        return peer;
    }

    public async Task<int> RunJobAsync(ReadOnlyMemory<byte> payload)
    {
        var (bytes, handled) = _jobs.Begin(payload);
        await _broker.EnqueueAsync(_queue, new QueueMessage(bytes));
        return await handled;
    }

    public async ValueTask DisposeAsync()
    {
        await _broker.DisposeAsync();
        await _connection.DisposeAsync();
    }
}
