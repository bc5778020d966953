using Iii.Bench.Loads;
using Iii.Bench.Results;

namespace Iii.Bench.Suites;

/// <summary>
/// Compares two sides in one go: a warm-up each, then pairs of windows, each pair in the other order than the one
/// before, so that a drift of the machine touches both alike.
/// </summary>
internal sealed class Alternation(Side subject, Side twin, int pairs)
{
    public async Task<CellResult> RunAsync(
        string cell, Func<Side, ILoad> warmUp, Func<Side, ILoad> window, CancellationToken cancellation)
    {
        await warmUp(subject).RunAsync(cancellation);
        await warmUp(twin).RunAsync(cancellation);

        var subjectWindows = new List<Window>();
        var twinWindows = new List<Window>();
        for (var pair = 0; pair < pairs; pair++)
        {
            if (pair % 2 == 0)
            {
                subjectWindows.Add(await Window.MeasureAsync(subject, twin, window(subject), cancellation));
                twinWindows.Add(await Window.MeasureAsync(twin, subject, window(twin), cancellation));
            }
            else
            {
                twinWindows.Add(await Window.MeasureAsync(twin, subject, window(twin), cancellation));
                subjectWindows.Add(await Window.MeasureAsync(subject, twin, window(subject), cancellation));
            }
        }

        return CellResult.Of(cell, (subject.Name, subjectWindows), (twin.Name, twinWindows));
    }
}
