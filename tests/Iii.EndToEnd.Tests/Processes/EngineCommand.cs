using System.Diagnostics;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>The command <c>iii</c>: how it is started, and runs of it that end by themselves.</summary>
internal static class EngineCommand
{
    /// <summary>What to start for a command line, in a folder of its own.</summary>
    public static ProcessStartInfo With(string folder, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Repository.EngineExecutable, arguments) { WorkingDirectory = folder };

        // The engine may be a framework-dependent executable, which does not know where this process found its runtime.
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(
            Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

        // A broker of the machine's is no test's.
        start.Environment.Remove("REDIS_URL");
        start.Environment.Remove("RABBITMQ_URL");
        return start;
    }

    /// <summary>Starts the command and waits for nothing.</summary>
    public static ChildProcess Start(ProcessStartInfo start) => new Run(start);

    /// <summary>Runs the command to its end, which it must reach by itself.</summary>
    public static async Task<FinishedCommand> RunAsync(string folder, params string[] arguments)
    {
        await using var process = new Run(With(folder, arguments));
        var exitCode = await process.WaitForExitAsync();
        return new FinishedCommand(exitCode, process.Output, process.Errors);
    }

    private sealed class Run(ProcessStartInfo start) : ChildProcess("iii", start);
}
