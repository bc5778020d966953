namespace Iii.Engine.Modules.Queue;

/// <summary>Spreads steps over time.</summary>
/// <param name="perSecond">Most steps in a second; 0 for any number.</param>
/// <param name="time">The clock.</param>
internal sealed class Pace(long perSecond, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private long _steps;

    /// <summary>Since the first step could be taken.</summary>
    public TimeSpan Elapsed => time.GetElapsedTime(_began);

    /// <summary>How many steps may be taken together: a tenth of a second's, within a bound.</summary>
    public int Stride(int most) => perSecond == 0 ? most : (int)Math.Clamp(perSecond / 10, 1, most);

    /// <summary>Done when the next steps may be taken.</summary>
    public async ValueTask WaitAsync(int steps)
    {
        if (perSecond > 0)
        {
            var wait = TimeSpan.FromSeconds((double)_steps / perSecond) - Elapsed;
            _steps += steps;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time);
            }
        }
    }
}
