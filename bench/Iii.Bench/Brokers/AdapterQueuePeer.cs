using System.Globalization;
using Iii.Bench.Processes;
using Iii.Broker;

namespace Iii.Bench.Brokers;

/// <summary>Jobs over an adapter.</summary>
/// <param name="broker">The queues.</param>
/// <param name="connection">What they run on, disposed after them; null for nothing.</param>
/// <param name="folder">Where they are kept, if in files; deleted in the end.</param>
/// <param name="keys">Handled in order with so many keys; 0 for no order.</param>
internal sealed class AdapterQueuePeer(IQueueBroker broker, IAsyncDisposable? connection, WorkFolder folder, int keys) : IQueuePeer
{
    private readonly JobTable _jobs = new();
    private readonly string _queue = $"bench.{Guid.NewGuid():N}";

    private readonly EnqueueOptions[] _options = keys == 0
        ? [EnqueueOptions.None]
        : [.. Enumerable.Range(0, keys).Select(static key => new EnqueueOptions { OrderingKey = key.ToString(CultureInfo.InvariantCulture) })];

    public async Task ConsumeAsync(int concurrency)
    {
        var subscription = new QueueSubscription(_queue)
        {
            Concurrency = concurrency,
            Ordering = keys == 0 ? QueueOrdering.None : QueueOrdering.PerKey,
        };
        await broker.ConsumeAsync(subscription, (delivery, _) =>
        {
            _jobs.End(delivery.Payload.Span);
            return ValueTask.FromResult(QueueVerdict.Ack);
        });
    }

    public async Task RunJobAsync()
    {
        var job = _jobs.Begin();
        await broker.EnqueueAsync(_queue, new QueueMessage(job.Payload), _options[job.Number % _options.Length]);
        await job.Handled;
    }

    public async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        if (connection is not null)
        {
            await connection.DisposeAsync();
        }

        folder.Dispose();
    }
}
