namespace Iii.Bench.Scale;

/// <summary>Which engine, how many workers, and how long they come and go.</summary>
internal sealed record ScaleOptions(string Binary, int Workers, int Seconds)
{
    /// <summary>How many workers come and go before anything is measured.</summary>
    public int WarmUpWorkers => Math.Min(Workers, 100);
}
