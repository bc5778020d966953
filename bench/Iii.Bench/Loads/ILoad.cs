namespace Iii.Bench.Loads;

/// <summary>A load generator that runs one window.</summary>
internal interface ILoad
{
    Task<LoadReport> RunAsync(CancellationToken cancellation);
}
