using System.Diagnostics;
using Iii.Broker;

namespace Iii.Bench.Brokers;

/// <summary>Many jobs that wait for a time, which falls due for one after the other: how late are they?</summary>
internal static class DelayedLoad
{
    /// <summary>Lateness in milliseconds, sorted.</summary>
    /// <param name="broker">Where they wait.</param>
    /// <param name="jobs">How many wait.</param>
    /// <param name="lead">Until the first one is due: long enough to store them all.</param>
    /// <param name="spread">From the first to the last.</param>
    public static async Task<double[]> MeasureAsync(IQueueBroker broker, int jobs, TimeSpan lead, TimeSpan spread)
    {
        var queue = $"bench.{Guid.NewGuid():N}";
        var late = new double[jobs];
        var handled = 0;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var start = Stopwatch.GetTimestamp();
        await broker.ConsumeAsync(new QueueSubscription(queue) { Concurrency = 256 }, (delivery, _) =>
        {
            var due = BitConverter.ToInt64(delivery.Payload.Span);
            var number = Interlocked.Increment(ref handled);
            late[number - 1] = (Stopwatch.GetElapsedTime(start).Ticks - due) / (double)TimeSpan.TicksPerMillisecond;
            if (number == jobs)
            {
                done.TrySetResult();
            }

            return ValueTask.FromResult(QueueVerdict.Ack);
        });
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, 256).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < jobs; i = Interlocked.Increment(ref next))
            {
                var due = lead + (spread * (i / (double)jobs));
                var delay = due - Stopwatch.GetElapsedTime(start);
                await broker.EnqueueAsync(
                    queue,
                    new QueueMessage(BitConverter.GetBytes(due.Ticks)),
                    new EnqueueOptions { Delay = delay > TimeSpan.Zero ? delay : TimeSpan.Zero });
            }
        })));
        if (Stopwatch.GetElapsedTime(start) > lead)
        {
            throw new InvalidOperationException($"Storing {jobs} jobs took {Stopwatch.GetElapsedTime(start)}, longer than the lead of {lead}.");
        }

        await done.Task;
        Array.Sort(late);
        return late;
    }
}
