using System.Collections.Concurrent;
using System.Text;
using Iii.Sdk;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Enqueues jobs of many keys, each key's one after the other, and each until it is accepted.</summary>
/// <param name="urls">The engines.</param>
/// <param name="delay">How long a job waits before it may be handled.</param>
internal sealed class JobProducer(IReadOnlyList<string> urls, TimeSpan delay = default)
{
    private const int Lanes = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<JobName, bool> _accepted = new();
    private readonly ConcurrentDictionary<JobName, bool> _repeated = new();

    public IReadOnlySet<JobName> Accepted => _accepted.Keys.ToHashSet();

    public IReadOnlySet<JobName> Repeated => _repeated.Keys.ToHashSet();

    public int AcceptedCount => _accepted.Count;

    /// <summary>Enqueues all of them.</summary>
    /// <param name="topics">Where to.</param>
    /// <param name="keys">Keys of each topic.</param>
    /// <param name="numbers">Up to which number each key has jobs.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="first">The first number.</param>
    public async Task RunAsync(IReadOnlyList<string> topics, int keys, int numbers, CancellationToken cancellation, int first = 0)
    {
        var workers = urls.Select(static url => IiiWorker.Start(url)).ToArray();
        try
        {
            var lines = topics.SelectMany(topic => Enumerable.Range(0, keys).Select(key => (topic, key))).ToArray();
            await Task.WhenAll(Enumerable.Range(0, Lanes).Select(lane => Task.Run(
                async () =>
                {
                    var own = lines.Where((_, index) => index % Lanes == lane).ToArray();
                    for (var number = first; number < numbers; number++)
                    {
                        foreach (var (topic, key) in own)
                        {
                            await EnqueueAsync(workers, lane, new JobName(topic, key, number), cancellation);
                        }
                    }
                },
                cancellation)));
        }
        finally
        {
            foreach (var worker in workers)
            {
                await worker.DisposeAsync();
            }
        }
    }

    private async Task EnqueueAsync(IiiWorker[] workers, int lane, JobName job, CancellationToken cancellation)
    {
        var input = Encoding.UTF8.GetBytes(
            $$"""{"topic":"{{job.Topic}}","group":"{{job.Key}}","delay_ms":{{delay.TotalMilliseconds:0}},"data":{"topic":"{{job.Topic}}","key":{{job.Key}},"number":{{job.Number}} } }""");
        for (var attempt = lane; ; attempt++)
        {
            var worker = workers[attempt % workers.Length];
            if (worker.IsConnected)
            {
                try
                {
                    await worker.InvokeRawAsync("enqueue", input, cancellation: cancellation);
                    _accepted[job] = true;
                    return;
                }
                catch (IiiException)
                {
                    // It may have been stored all the same.
                    _repeated[job] = true;
                }
            }

            await Task.Delay(Pause, cancellation);
        }
    }
}
