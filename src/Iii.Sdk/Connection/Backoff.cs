namespace Iii.Sdk.Connection;

/// <summary>The wait before connecting again: 1 s, doubled each time up to 30 s, up to 30 % more or less, without end.</summary>
internal sealed class Backoff(Func<double> random)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private const double Jitter = 0.3;

    private TimeSpan _next = First;

    public TimeSpan Next()
    {
        var wait = _next;
        _next = _next * 2 > Longest ? Longest : _next * 2;
        return wait * (1 - Jitter + (2 * Jitter * random()));
    }

    /// <summary>Says that a connection was made.</summary>
    public void Reset() => _next = First;
}
