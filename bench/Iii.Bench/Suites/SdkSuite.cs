using Iii.Bench.Processes;
using Iii.Bench.Results;

namespace Iii.Bench.Suites;

/// <summary>Worker to worker on the SDK: with the handler on the thread pool, and inline.</summary>
internal sealed class SdkSuite(ServerKind subject, SuiteOptions options, string workFolder, Report report)
{
    public async Task<IReadOnlyList<CellResult>> RunAsync(CancellationToken cancellation)
    {
        var cells = new List<CellResult>();
        foreach (var clients in new[] { ClientKind.Sdk, ClientKind.SdkInline })
        {
            cells.AddRange(await new InvokeSuite(subject, clients, options, workFolder, report).RunAsync(cancellation));
        }

        return cells;
    }
}
