using System.Runtime.InteropServices;

namespace Iii.Bench.Machine;

/// <summary>What a result file says about where it was measured.</summary>
internal sealed record MachineDescription(string Processor, int Cores, string System, string Runtime)
{
    public static MachineDescription Current() => new(
        ProcessorName(), Environment.ProcessorCount, RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription);

    private static string ProcessorName()
    {
        var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':') + 2)..];
    }
}
