using System.Text.Json;
using System.Threading.Channels;

namespace Iii.Testing;

/// <summary>The jobs of several workers, which run until the test ends them; counts how many run at a time.</summary>
/// <remarks>The data of a job is its number.</remarks>
public sealed class HeldJobs : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);

    private readonly Lock _lock = new();
    private readonly List<(TestWorker Worker, Task Following)> _workers = [];
    private readonly List<(TestWorker Worker, JsonElement Call)> _running = [];
    private readonly List<(TestWorker Worker, int Job)> _begun = [];
    private readonly Random _random = new(1);

    /// <summary>The most that ever ran at a time.</summary>
    public int Most { get; private set; }

    /// <summary>Jobs that run now.</summary>
    public int Running => Count(static _ => true);

    /// <summary>The jobs that have begun, once for each time, in that order.</summary>
    public int[] Begun
    {
        get
        {
            lock (_lock)
            {
                return [.. _begun.Select(static entry => entry.Job)];
            }
        }
    }

    /// <summary>Takes all calls of a worker from now on, and owns it. When its connection ends, what it has running runs no more.</summary>
    public void Follow(TestWorker worker) => _workers.Add((worker, FollowAsync(worker)));

    /// <summary>Jobs that a worker runs now.</summary>
    public int RunningAt(TestWorker worker) => Count(entry => entry == worker);

    /// <summary>Whether a worker ever ran one.</summary>
    public bool HasBegunAt(TestWorker worker)
    {
        lock (_lock)
        {
            return _begun.Exists(entry => entry.Worker == worker);
        }
    }

    /// <summary>Waits until so many run.</summary>
    public Task WaitForAsync(int running) => WaitForAsync(() => Running == running);

    /// <summary>Waits until a worker runs so many.</summary>
    public Task WaitForAsync(TestWorker worker, int running) => WaitForAsync(() => RunningAt(worker) == running);

    /// <summary>Ends one of those that run, of a worker or of any.</summary>
    public Task EndOneAsync(TestWorker? at = null) => EndAsync(running => running.FindAll(entry => at is null || entry.Worker == at));

    /// <summary>Ends the one that has run for longest.</summary>
    public Task EndOldestAsync() => EndAsync(static running => running[..1]);

    /// <summary>Ends one after the other until so many have ended; each when as many run as may, or as are left.</summary>
    public async Task EndAsync(int count, int limit)
    {
        for (var left = count; left > 0; left--)
        {
            await WaitForAsync(() => Running >= Math.Min(left, limit));
            await EndOneAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (worker, following) in _workers)
        {
            await worker.DisposeAsync();
            await following;
        }
    }

    private static async Task WaitForAsync(Func<bool> condition)
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        using var timer = new PeriodicTimer(Poll);
        while (!condition())
        {
            await timer.WaitForNextTickAsync(timeout.Token);
        }
    }

    private async Task FollowAsync(TestWorker worker)
    {
        while (await NextAsync(worker) is { } call)
        {
            lock (_lock)
            {
                _running.Add((worker, call));
                _begun.Add((worker, call.GetProperty("data").GetInt32()));
                Most = Math.Max(Most, _running.Count);
            }
        }

        lock (_lock)
        {
            _running.RemoveAll(entry => entry.Worker == worker);
        }
    }

    private static async Task<JsonElement?> NextAsync(TestWorker worker)
    {
        while (true)
        {
            try
            {
                return await worker.NextAsync("invokefunction");
            }
            catch (OperationCanceledException)
            {
                // None came for a while.
            }
            catch (ChannelClosedException)
            {
                return null;
            }
        }
    }

    private async Task EndAsync(Func<List<(TestWorker Worker, JsonElement Call)>, List<(TestWorker Worker, JsonElement Call)>> choose)
    {
        (TestWorker Worker, JsonElement Call) ended;
        lock (_lock)
        {
            var chosen = choose(_running);
            ended = chosen[_random.Next(chosen.Count)];
            _running.Remove(ended);
        }

        await ended.Worker.AnswerAsync(ended.Call);
    }

    private int Count(Func<TestWorker, bool> isMeant)
    {
        lock (_lock)
        {
            return _running.Count(entry => isMeant(entry.Worker));
        }
    }
}
