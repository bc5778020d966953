namespace Iii.Bench.Results;

/// <summary>Prints cells as they come: two lines each, one per side.</summary>
internal sealed class Report(TextWriter output, string operation)
{
    private const double ForeignCoresToWarn = 0.2;
    private const int NameWidth = 22;

    public void WriteHead()
    {
        output.WriteLine();
        output.WriteLine(
            $"{"cell",-NameWidth} {"side",-8} {operation + "/s",9} {"ratio",-19} {"p50 us",8} {"p99 us",8}  "
            + $"{"CPU us/op: server",17} {"worker",7} {"client",7} {"B/op",7} {"foreign",8}");
    }

    public void Write(CellResult cell)
    {
        var ratio = $"{cell.Ratio:0.00} [{cell.LowestRatio:0.00}-{cell.HighestRatio:0.00}]";
        WriteSide(cell.Cell, cell.Subject, ratio, $"{cell.ForeignCores:0.00}");
        WriteSide("", cell.Twin, "", "");
        if (cell.ForeignCores > ForeignCoresToWarn)
        {
            output.WriteLine($"  warning: others used up to {cell.ForeignCores:0.00} core during this cell; repeat it on a quiet machine");
        }

        foreach (var side in new[] { cell.Subject, cell.Twin }.Where(side => side.Errors > 0))
        {
            output.WriteLine($"  error: {side.Errors} operations of {side.Name} failed; its figures are not valid");
        }
    }

    private void WriteSide(string cell, SideResult side, string ratio, string foreign)
    {
        var allocated = side.AllocatedBytes is { } bytes ? $"{bytes:0}" : "-";
        output.WriteLine(
            $"{cell,-NameWidth} {side.Name,-8} {side.Rate,9:0} {ratio,-19} {side.P50Us,8:0} {side.P99Us,8:0}  "
            + $"{side.ServerCpuUs,17:0.0} {side.WorkerCpuUs,7:0.0} {side.ClientCpuUs,7:0.0} {allocated,7} {foreign,8}");
    }
}
