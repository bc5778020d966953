using System.Globalization;
using Iii.Adapters.Sqlite;
using Iii.Broker;

namespace Iii.Bench.Queues;

/// <summary>The embedded adapter.</summary>
/// <param name="broker">Its file.</param>
/// <param name="concurrency">Handlers at a time.</param>
/// <param name="keys">Consume in order with so many keys; 0 for no order.</param>
internal sealed class BrokerJobs(SqliteBroker broker, int concurrency, int keys) : IJobQueue
{
    private const string Queue = "jobs";

    private readonly EnqueueOptions[] _options = keys == 0
        ? [EnqueueOptions.None]
        : [.. Enumerable.Range(0, keys).Select(key => new EnqueueOptions { OrderingKey = key.ToString(CultureInfo.InvariantCulture) })];

    public static async Task<IJobQueue> OpenAsync(string folder, int concurrency, int keys) =>
        new BrokerJobs(await SqliteBroker.OpenAsync(new SqliteBrokerOptions { Folder = folder }), concurrency, keys);

    public async ValueTask EnqueueAsync(byte[] payload, int number) =>
        await broker.Queues.EnqueueAsync(Queue, new QueueMessage(payload), _options[number % _options.Length]);

    public async Task ConsumeAsync(Action handled)
    {
        var subscription = new QueueSubscription(Queue)
        {
            Concurrency = concurrency,
            Ordering = keys == 0 ? QueueOrdering.None : QueueOrdering.PerKey,
        };
        await broker.Queues.ConsumeAsync(subscription, (_, _) =>
        {
            handled();
            return ValueTask.FromResult(QueueVerdict.Ack);
        });
    }

    public ValueTask DisposeAsync() => broker.DisposeAsync();
}
