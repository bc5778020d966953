namespace Iii.Engine.Modules.Queue;

/// <summary>Spreads steps over time.</summary>
/// <param name="perSecond">Most steps in a second; 0 for any number.</param>
/// <param name="time">The clock.</param>
internal sealed class Pace(long perSecond, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();

    /// <summary>From when on the next step may be taken, counted from the beginning.</summary>
    private TimeSpan _next;

    /// <summary>Since the first step could be taken.</summary>
    public TimeSpan Elapsed => time.GetElapsedTime(_began);

    /// <summary>How many steps may be taken together: a tenth of a second's, within a bound.</summary>
    public int Stride(int most) => perSecond == 0 ? most : (int)Math.Clamp(perSecond / 10, 1, most);

    /// <summary>Done when the next steps may be taken. Time that passed without any is not made up for.</summary>
    public async ValueTask WaitAsync(int steps)
    {
        if (perSecond > 0)
        {
            var elapsed = Elapsed;
            var wait = _next - elapsed;
            _next = (wait > TimeSpan.Zero ? _next : elapsed) + TimeSpan.FromSeconds((double)steps / perSecond);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time);
            }
        }
    }
}
