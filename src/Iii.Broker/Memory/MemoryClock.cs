namespace Iii.Broker.Memory;

/// <summary>Time of a world: durations are measured on the monotonic clock, so that setting the wall clock moves nothing.</summary>
internal sealed class MemoryClock(TimeProvider time)
{
    /// <summary>Timers take no more than some 49 days; whoever waits longer looks again after this.</summary>
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly long _start = time.GetTimestamp();

    public TimeProvider Provider => time;

    /// <summary>Since the world was made.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);

    public DateTimeOffset UtcNow => time.GetUtcNow();

    public ITimer CreateTimer(Action callback) =>
        time.CreateTimer(static state => ((Action)state!)(), callback, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>Sets a timer to go off at, or shortly before a distant, <paramref name="due"/>: the callback compares and sets it again.</summary>
    public void Set(ITimer timer, TimeSpan due)
    {
        var wait = due - Now;
        timer.Change(
            wait <= TimeSpan.Zero ? TimeSpan.Zero
            : wait > LongestTimer ? LongestTimer
            : TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)),
            Timeout.InfiniteTimeSpan);
    }
}
