namespace Iii.Bench.Scale;

/// <summary>How fast a figure grows: the least-squares line through its later half, when the warm-up is over.</summary>
internal static class Slope
{
    /// <param name="samples">Time and value, in order of time.</param>
    /// <returns>Growth per unit of time; 0 for fewer than two samples.</returns>
    public static double OfLaterHalf(IReadOnlyList<(double Time, double Value)> samples)
    {
        var later = samples.Skip(samples.Count / 2).ToList();
        if (later.Count < 2)
        {
            return 0;
        }

        var time = later.Average(sample => sample.Time);
        var value = later.Average(sample => sample.Value);
        return later.Sum(sample => (sample.Time - time) * (sample.Value - value))
            / later.Sum(sample => (sample.Time - time) * (sample.Time - time));
    }
}
