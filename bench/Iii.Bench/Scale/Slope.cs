namespace Iii.Bench.Scale;

/// <summary>How fast a figure grows: the least-squares line through its samples.</summary>
internal static class Slope
{
    /// <param name="samples">Time and value.</param>
    /// <returns>Growth per unit of time; 0 for fewer than two samples.</returns>
    public static double Of(IReadOnlyList<(double Time, double Value)> samples)
    {
        if (samples.Count < 2)
        {
            return 0;
        }

        var time = samples.Average(sample => sample.Time);
        var value = samples.Average(sample => sample.Value);
        return samples.Sum(sample => (sample.Time - time) * (sample.Value - value))
            / samples.Sum(sample => (sample.Time - time) * (sample.Time - time));
    }
}
