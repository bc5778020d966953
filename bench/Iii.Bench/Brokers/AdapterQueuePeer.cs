using System.Buffers.Binary;
using System.Collections.Concurrent;
using Iii.Broker;

namespace Iii.Bench.Brokers;

/// <summary>Jobs over an adapter, each with a number that tells who waits for it.</summary>
/// <param name="broker">The queues.</param>
/// <param name="connection">What they run on, disposed after them.</param>
internal sealed class AdapterQueuePeer(IQueueBroker broker, IAsyncDisposable connection) : IQueuePeer
{
    private readonly ConcurrentDictionary<long, TaskCompletionSource<int>> _pending = [];
    private readonly string _queue = $"bench.{Guid.NewGuid():N}";
    private long _lastNumber;

    public async Task ConsumeAsync(int concurrency) => await broker.ConsumeAsync(
        new QueueSubscription(_queue) { Concurrency = concurrency },
        (delivery, _) =>
        {
            if (_pending.TryRemove(BinaryPrimitives.ReadInt64LittleEndian(delivery.Payload.Span), out var job))
            {
                job.SetResult(delivery.Payload.Length - sizeof(long));
            }

            return ValueTask.FromResult(QueueVerdict.Ack);
        });

    public async Task<int> RunJobAsync(ReadOnlyMemory<byte> payload)
    {
        var number = Interlocked.Increment(ref _lastNumber);
        var job = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[number] = job;
        var message = new byte[sizeof(long) + payload.Length];
        BinaryPrimitives.WriteInt64LittleEndian(message, number);
        payload.Span.CopyTo(message.AsSpan(sizeof(long)));
        await broker.EnqueueAsync(_queue, new QueueMessage(message));
        return await job.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        await connection.DisposeAsync();
    }
}
