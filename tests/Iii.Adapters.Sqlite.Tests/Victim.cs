using System.Globalization;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>
/// A process that is to be killed: it enqueues and handles numbered messages without end, and says so on its standard output, line by line:
/// <c>open</c>; <c>e N</c> when the receipt of a number has come; <c>h N A</c> when the attempt A to handle it has begun. The first message
/// that it handles never ends, so that one is always being handled when it is killed.
/// </summary>
internal static class Victim
{
    public const string Command = "victim";
    public const string Queue = "queue";

    private const int Publishers = 32;

    private static readonly Lock s_output = new();
    private static int s_handled;

    public static async Task<int> RunAsync(string folder, string ordering)
    {
        await using var broker = await SqliteBroker.OpenAsync(new SqliteBrokerOptions { Folder = folder });
        Say("open");
        await broker.Queues.ConsumeAsync(Subscription(Enum.Parse<QueueOrdering>(ordering)), (delivery, _) => HandleAsync(delivery));
        var start = DateTime.UtcNow.Ticks;
        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(publisher => Task.Run(async () =>
        {
            // Each publisher has one key, so that its numbers are in order within it.
            for (var number = start + publisher; ; number += Publishers)
            {
                await EnqueueAsync(broker.Queues, number, publisher);
                Say($"e {number}");
            }
        })));
        return 0;
    }

    public static QueueSubscription Subscription(QueueOrdering ordering) => new(Queue) { Ordering = ordering, Concurrency = 16 };

    public static long NumberOf(QueueDelivery delivery) => BitConverter.ToInt64(delivery.Payload.Span);

    private static async Task EnqueueAsync(SqliteQueueBroker queues, long number, int publisher) =>
        await queues.EnqueueAsync(
            Queue,
            new QueueMessage(BitConverter.GetBytes(number)) { Headers = new Dictionary<string, string> { ["traceparent"] = $"00-{number}-01" } },
            new EnqueueOptions { OrderingKey = publisher.ToString(CultureInfo.InvariantCulture) });

    private static async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery)
    {
        var number = NumberOf(delivery);
        Say($"h {number} {delivery.Attempt}");
        if (Interlocked.Increment(ref s_handled) == 1)
        {
            await Task.Delay(Timeout.Infinite);
        }

        return number % 10 == 0 && delivery.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromMilliseconds(20)) : QueueVerdict.Ack;
    }

    private static void Say(string line)
    {
        lock (s_output)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }
}
