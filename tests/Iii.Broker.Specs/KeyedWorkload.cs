using Xunit;

namespace Iii.Broker.Specs;

/// <summary>
/// A random workload on one queue: messages of a few keys, handlers that acknowledge, retry, throw and bury, and what these saw. The seed decides
/// what is done; the thread pool, the network and the clock decide how it interleaves. A failure names the seed.
/// </summary>
/// <remarks>Messages and handlers are made by one caller at a time; handlers may run at the same time.</remarks>
/// <param name="seed">Which workload.</param>
public sealed class KeyedWorkload(int seed)
{
    private const int Keys = 6;

    private readonly KeyHistory[] _histories = [.. Enumerable.Range(0, Keys).Select(_ => new KeyHistory())];
    private readonly Recorder<string> _violations = new();
    private TaskCompletionSource _nextStep = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>For whatever else is to happen.</summary>
    public Random Random { get; } = new(seed);

    /// <summary>Whether each key is to keep its order.</summary>
    public bool IsOrdered { get; init; } = true;

    /// <summary>Whether half of the handlers wait for the next <see cref="BeginStep"/>; if not, they leave their thread.</summary>
    public bool HasLongHandlers { get; init; }

    /// <summary>How long some retries are delayed, or twice as long.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Whether everything that was accepted is finished with.</summary>
    public bool IsDone => _histories.All(static history => history.IsDone);

    /// <summary>Lets those handlers go on that wait for it. What waits in the end for <see cref="IsDone"/> has to begin further steps.</summary>
    public void BeginStep() =>
        Interlocked.Exchange(ref _nextStep, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();

    /// <summary>
    /// Sends the next message of a key. When that throws, it is not known what becomes of it: it may come, and what comes after it must not
    /// come before it.
    /// </summary>
    public async Task EnqueueAsync(Func<QueueMessage, EnqueueOptions, Task> enqueue)
    {
        var key = Random.Next(Keys);
        var history = _histories[key];
        var number = ++history.LastSent;
        await enqueue(new QueueMessage(BitConverter.GetBytes(number)), new EnqueueOptions { OrderingKey = $"{key}" });
        lock (history)
        {
            history.Accepted.Add(number);
        }
    }

    /// <summary>A handler for one more consumer.</summary>
    /// <param name="isDead">Whether what it does counts no more, though nobody could tell it by its token.</param>
    public QueueHandler MakeHandler(Func<bool>? isDead = null)
    {
        var random = new Random(Random.Next());
        return (delivery, lost) => HandleAsync(delivery, random, () => lost.IsCancellationRequested || isDead?.Invoke() == true);
    }

    /// <summary>Everything that was accepted is finished with, and in order.</summary>
    /// <param name="least">How many messages make a workload.</param>
    public void Check(int least)
    {
        Assert.True(_violations.Items.Count == 0, $"Seed {seed}: {string.Join("; ", _violations.Items)}");
        Assert.True(_histories.Sum(history => history.Accepted.Count) >= least, $"Seed {seed}: that is no workload.");
        Assert.True(IsDone, $"Seed {seed}: something that was accepted is not finished with.");
    }

    private async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, Random random, Func<bool> isLost)
    {
        var key = int.Parse(delivery.OrderingKey!, null);
        var number = BitConverter.ToInt32(delivery.Payload.Span);
        Start(key, number, isLost);
        int dice;
        lock (random)
        {
            dice = random.Next(10);
        }

        if (dice % 2 == 0 && HasLongHandlers)
        {
            await Volatile.Read(ref _nextStep).Task;
        }
        else if (dice % 2 == 0)
        {
            await Task.Yield();
        }

        switch (dice)
        {
            case 0:
                throw new InvalidOperationException("A handler of the workload throws on purpose.");
            case 1 or 2:
                return QueueVerdict.RetryAfter(RetryDelay * dice);
            case 3:
                return QueueVerdict.RetryAfter(TimeSpan.Zero);
            case 4:
                Finish(key, number);
                return QueueVerdict.DeadLetter(new AttemptFailure("dice", "4"));
            default:
                Finish(key, number);
                return QueueVerdict.Ack;
        }
    }

    private void Start(int key, int number, Func<bool> isLost)
    {
        var history = _histories[key];
        lock (history)
        {
            // The message is known to be somebody else's: what the handler does with it does not count.
            if (!IsOrdered || isLost())
            {
                return;
            }

            if (number < history.LastStarted)
            {
                _violations.Add($"key {key}: {number} started after {history.LastStarted}");
            }

            if (history.Accepted.FirstOrDefault(earlier => earlier < number && !history.Finished.Contains(earlier)) is > 0 and var unfinished)
            {
                _violations.Add($"key {key}: {number} started before {unfinished} was finished with");
            }

            history.LastStarted = number;
        }
    }

    private void Finish(int key, int number)
    {
        lock (_histories[key])
        {
            _histories[key].Finished.Add(number);
        }
    }

    /// <summary>The messages of one key, by their numbers from 1 on.</summary>
    private sealed class KeyHistory
    {
        public int LastSent { get; set; }

        public int LastStarted { get; set; }

        public SortedSet<int> Accepted { get; } = [];

        public SortedSet<int> Finished { get; } = [];

        public bool IsDone
        {
            get
            {
                lock (this)
                {
                    return Accepted.IsSubsetOf(Finished);
                }
            }
        }
    }
}
