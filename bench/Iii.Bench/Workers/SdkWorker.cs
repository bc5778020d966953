using Iii.Sdk;

namespace Iii.Bench.Workers;

/// <summary>The function of the tuned worker, on the SDK as anybody would use it.</summary>
internal static class SdkWorker
{
    public static async Task RunAsync(Uri url, bool runsInline, CancellationToken cancellation)
    {
        await using var worker = await IiiWorker.ConnectAsync(url.ToString(), cancellation: cancellation);
        worker.RegisterFunction(
            AdditionWorker.FunctionId,
            static (Terms terms) => new Answer(200, new Total(terms.A + terms.B)),
            SdkJson.Default.Terms,
            SdkJson.Default.Answer,
            new RegisterFunctionOptions { RunsInline = runsInline });
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
