using System.Globalization;

namespace Iii.Bench.Machine;

/// <summary>The figures of /proc that the bench reads.</summary>
internal static class ProcFile
{
    // The kernel reports times to user space in hundredths of a second on every Linux that .NET runs on.
    private const double TicksPerSecond = 100;
    private const int UserTimeField = 11;

    /// <summary>User and system time of one process, in seconds.</summary>
    public static double CpuSeconds(int processId)
    {
        // The name in parentheses may hold spaces, so fields are counted from behind it.
        var stat = File.ReadAllText($"/proc/{processId}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Ticks(fields[UserTimeField]) + Ticks(fields[UserTimeField + 1])) / TicksPerSecond;
    }

    /// <summary>Busy time of all cores, in seconds, including time stolen by the host.</summary>
    public static double MachineCpuSeconds()
    {
        // cpu user nice system idle iowait irq softirq steal; guest time is already within user.
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int[] busy = [1, 2, 3, 6, 7, 8];
        return busy.Sum(field => Ticks(fields[field])) / TicksPerSecond;
    }

    /// <summary>Resident memory of one process, in MiB.</summary>
    public static double ResidentMiB(int processId)
    {
        var line = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        var kib = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return double.Parse(kib, CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>Open files, sockets and alike of one process.</summary>
    public static int Handles(int processId) => Directory.EnumerateFileSystemEntries($"/proc/{processId}/fd").Count();

    private static double Ticks(string field) => double.Parse(field, CultureInfo.InvariantCulture);
}
