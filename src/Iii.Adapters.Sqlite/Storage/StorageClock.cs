namespace Iii.Adapters.Sqlite.Storage;

/// <summary>
/// The time that is written into the file, in ticks of UTC: the wall clock when the file was opened, and the monotonic clock from
/// there on.
/// </summary>
internal sealed class StorageClock(TimeProvider time)
{
    /// <summary>Timers take no more than some 49 days; whoever waits longer looks again after this.</summary>
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly long _start = time.GetTimestamp();
    private readonly long _startTicks = time.GetUtcNow().UtcTicks;

    public TimeProvider Provider => time;

    public long Now => _startTicks + time.GetElapsedTime(_start).Ticks;

    public static DateTimeOffset ToDate(long ticks) =>
        new(Math.Clamp(ticks, DateTimeOffset.MinValue.UtcTicks, DateTimeOffset.MaxValue.UtcTicks), TimeSpan.Zero);

    public ITimer CreateTimer(Action callback) =>
        time.CreateTimer(static state => ((Action)state!)(), callback, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>Sets a timer to go off at, or shortly before a distant, <paramref name="due"/>: whoever is woken compares.</summary>
    public void Set(ITimer timer, long due)
    {
        var wait = due == long.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromTicks(Math.Max(0, due - Now));
        timer.Change(
            wait > LongestTimer ? LongestTimer
            : wait > TimeSpan.Zero ? TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds))
            : wait,
            Timeout.InfiniteTimeSpan);
    }
}
